"""What a tracker has to do: three functions, and one that it may have."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from genlab.config import CALL, live
from genlab.report.configs import call_text, short_call
from genlab.runs.folder import RunFolder

Setting = str | int | float | bool


class About(NamedTuple):
    """A run as a tracker is told of it.

    name:     of its folder and the one above: "hinge/seed0"
    settings: every field of its config, by path: {"optim.gen.learning_rate": 0.0002}
    step:     the round that it goes on from; 0 for a new run
    images:   examples that a round takes
    examples: of the data, by split
    """

    run: RunFolder
    name: str
    settings: Mapping[str, Setting]
    step: int
    images: int = 0
    examples: Mapping[str, int] = MappingProxyType({})


class Sink(Protocol):
    """A run, open in a tracker."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A row of the log, "disc/loss", or scores, "validation/fidelity/fd", after a round."""
        ...

    def picture(self, step: int, name: str, file: Path) -> None:
        """A PNG file drawn after a round; `name` says what of: "samples", "reconstructions"."""
        ...

    def close(self, failed: bool) -> None:
        """The run ended: it is whole, or an error or a signal stopped it."""
        ...


class Staged(Sink, Protocol):
    """A `Sink` that also follows what a run is at."""

    def stage(self, step: int, name: str, begins: bool) -> None:
        """After round `step` the first dispatch of this start is due ("training", which ends with
        the start); or what a hook is named for begins or ends: "evaluation", "pictures".
        """
        ...


class Tracker(Protocol):
    """A place for runs, as a config names it: `loop.trackers={"mlflow": spec(MLflow, ...)}`."""

    def open(self, about: About) -> Sink:
        """The run in it, a new one or, where the run goes on, the one of before."""
        ...


def settings(config: Mapping[str, Any]) -> dict[str, Setting]:
    """Every field of a config by its path; of what is called, the name, under the path itself."""
    found: dict[str, Setting] = {}

    def walk(node: Any, path: str) -> None:
        if isinstance(node, Mapping) and not live.is_marker(node):
            if CALL in node:
                found[path] = short_call(node)
            for name, inner in node.items():
                if name != CALL:
                    walk(inner, f"{path}.{name}" if path else name)
        else:
            found[path] = node if isinstance(node, Setting) else call_text(node)

    walk(config, "")
    return {path: value for path, value in found.items() if path}
