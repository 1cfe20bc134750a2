"""The edits that `genlab edit` makes: each says what it asks for, and does it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from genlab.config import ConfigError
from genlab.editing.factors import Factor, target
from genlab.sampling.conditions import asked
from genlab.sampling.directions import UNSUPERVISED, check_name
from genlab.sampling.edited import Edited, Inverted
from genlab.sampling.editor import Editor

UNITS = 200  # samples of the model, that the units of changes of conditions are of
Measured = Callable[[int], Editor]
"""How many samples of the model are measured -> an editor that measures."""


Known = Mapping[str, Factor] | None
"""The factors that will be measured; None: not known yet."""


class Edit(Protocol):
    """One kind of edit."""

    @property
    def named(self) -> Mapping[str, Any]:
        """What a request's folder is named by; None for what is as usual."""
        ...

    def check(self, known: Known = None) -> None:
        """ConfigError for what no run can do."""
        ...

    def title(self, space: str) -> str:
        """Above the strips."""
        ...

    def made(self, editor: Editor, measured: Measured, found: Inverted) -> Edited:
        """Edits inverted pictures."""
        ...

    def _asdict(self) -> dict[str, Any]:
        """What is asked for."""
        ...


class Along(NamedTuple):
    """Along a direction.

    direction: a name (`sampling.directions`)
    by, steps: strengths from .. to, in standard deviations of the latents along the direction
    keep:      factors that the direction is made orthogonal to
    samples:   of the model, that the direction is found from
    """

    direction: str
    by: tuple[float, float] = (-3.0, 3.0)
    steps: int = 7
    keep: tuple[str, ...] = ()
    samples: int = 2000

    @property
    def named(self) -> Mapping[str, Any]:
        """Strengths, direction, and what it keeps."""
        return {
            "by": f"{self.by[0]:g}..{self.by[1]:g}x{self.steps}",
            "to": self.direction,
            "samples": self.samples if self.samples != 2000 else None,
            "keep": ",".join(self.keep) or None,
        }

    def check(self, known: Known = None) -> None:
        """ConfigError for a name that is no direction's, for strengths that do not rise, and for
        too few samples.
        """
        check_name(self.direction, known)
        for name in self.keep:
            if known is not None and name not in known:
                target(known, name)
        if self.steps < 2 or not self.by[0] < self.by[1]:
            raise ConfigError(
                f"--by={self.by[0]:g}..{self.by[1]:g} --steps={self.steps}: give strengths that "
                "rise, in 2 steps or more"
            )
        if self.samples < 20:
            raise ConfigError(f"--samples is {self.samples}: a direction needs 20 or more")

    def title(self, space: str) -> str:
        """The direction, and the unit of its strengths."""
        kept = f", keeping {', '.join(self.keep)}" if self.keep else ""
        return f"{self.direction}{kept}, standard deviations in {space}"

    def made(self, editor: Editor, measured: Measured, found: Inverted) -> Edited:
        """At each strength; nothing is measured for a direction that is found without."""
        named = self.direction.partition(":")[0] in UNSUPERVISED and not self.keep
        using = editor.with_samples(self.samples) if named else measured(self.samples)
        direction = using.direction(self.direction, found.space, self.keep)
        return using.edit(found, direction, np.linspace(*self.by, self.steps).tolist())


class Conditioned(NamedTuple):
    """Under other conditions: each of `to` is one, its columns' values as text."""

    to: tuple[Mapping[str, str], ...]

    @property
    def named(self) -> Mapping[str, Any]:
        """The conditions."""
        return {"to": ";".join(_text(one) for one in self.to)}

    def check(self, known: Known = None) -> None:
        """Nothing here: whether a run has the columns is for the run to say."""

    def title(self, space: str) -> str:
        """What was changed."""
        return "other conditions, the same latents" if space == "z" else "other conditions, in w"

    def made(self, editor: Editor, measured: Measured, found: Inverted) -> Edited:
        """Under each, with what changed."""
        columns, given = editor.source.columns, editor.method.given
        to = [asked(columns, given, one) for one in self.to]
        made = editor.conditioned(found, to)
        heads = tuple(map(_text, self.to))
        return measured(UNITS).compared(found, made, to)._replace(heads=heads)


class Truncated(NamedTuple):
    """Nearer to the mean of the latents of their own conditions, at each of `psis`."""

    psis: tuple[float, ...]

    @property
    def named(self) -> Mapping[str, Any]:
        """The psis."""
        return {"truncation": ",".join(f"{psi:g}" for psi in self.psis)}

    def check(self, known: Known = None) -> None:
        """ConfigError for no psi, and for one that is no number."""
        if not self.psis or not np.isfinite(self.psis).all():
            raise ConfigError("--truncation: give numbers, as --truncation=0.5,0.7,1")

    def title(self, space: str) -> str:
        """What it is."""
        return f"truncation, psi in {space}"

    def made(self, editor: Editor, measured: Measured, found: Inverted) -> Edited:
        """At each psi."""
        latents, heads = editor.nearer(found, self.psis), tuple(f"{x:g}" for x in self.psis)
        by = np.asarray(self.psis, np.float64)
        return Edited(editor.generate(found, latents), by, latents, None, heads)


class Mixed(NamedTuple):
    """Each with the styles of each other, from layer `since` on."""

    since: int

    @property
    def named(self) -> Mapping[str, Any]:
        """The layer."""
        return {"mix": self.since}

    def check(self, known: Known = None) -> None:
        """Nothing here: the layers are the network's."""

    def title(self, space: str) -> str:
        """What it is."""
        return f"styles of the row, from layer {self.since} on of the picture in that row"

    def made(self, editor: Editor, measured: Measured, found: Inverted) -> Edited:
        """All pairs."""
        n = len(found.latents)
        others = [found._replace(latents=np.repeat(found.latents[i : i + 1], n, 0))
                  for i in range(n)]  # fmt: skip
        latents = np.stack([editor.mixture(found, one, self.since) for one in others], axis=1)
        heads = tuple(f"row {i + 1}" for i in range(n))
        return Edited(editor.generate(found, latents), np.arange(n) * 1.0, latents, None, heads)


def _text(one: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in one.items())
