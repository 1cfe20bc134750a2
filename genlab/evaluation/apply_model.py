"""A trained run, as pictures of any size are put through it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jax import Array, random

from genlab.config import ConfigError, choices
from genlab.data.columns import Image, Mask
from genlab.evaluation import apply_pixels
from genlab.evaluation.apply_files import read
from genlab.evaluation.apply_request import ApplyRequest
from genlab.evaluation.outputs import Way, way
from genlab.evaluation.tiling import Tiled
from genlab.game.abilities import Generates, Translates, can, require
from genlab.sampling.conditions import asked, loaded
from genlab.sampling.load import TrainedRun

STREAM = 82  # latents of what is applied, apart from those of samples


@dataclass(frozen=True, eq=False)
class Model:
    """A run, as pictures are put through it."""

    run: TrainedRun
    request: ApplyRequest

    @property
    def made(self) -> Image:
        """The kind of what it makes."""
        kind = self.run.source.columns[self.way.makes]
        if not isinstance(kind, Image):
            raise ConfigError("genlab apply is for models of pictures; this one makes none")
        return kind

    @cached_property
    def pictures(self) -> dict[str, Image]:
        """The pictures that it is given."""
        kinds = {name: self.run.source.columns[name] for name in self.run.method.given}
        return {name: kind for name, kind in kinds.items() if isinstance(kind, Image)}

    @cached_property
    def masks(self) -> dict[str, Mask]:
        """The masks that it is given."""
        kinds = {name: self.run.source.columns[name] for name in self.run.method.given}
        return {name: kind for name, kind in kinds.items() if isinstance(kind, Mask)}

    @property
    def given(self) -> str:
        """The column of what it is applied to."""
        method = self.run.method
        if self.request.column:
            return self.request.column
        if can(method, Translates) and not (self.pictures and can(method, Generates)):
            return require(method, Translates, "genlab apply").translations()[0][0]
        return next(iter(self.pictures), method.makes)

    @property
    def conditions(self) -> set[str]:
        """What it is given besides, the same for all pictures."""
        if self.way.by is Translates and not self.way.conditioned:
            return set()
        return {*self.run.method.given} - {self.given, *self.masks}

    @property
    def way(self) -> Way:
        """How it is applied; ConfigError for a run that makes no pictures of such."""
        if self.given not in self.run.source.columns:
            hint = choices(self.given, self.run.source.columns)
            raise ConfigError(f"--column={self.given}: the run has no such column{hint}")
        return way(self.run.method, self.given, self.run.source.columns)

    def check(self) -> None:
        """ConfigError for a run that makes no pictures of a picture, and for conditions."""
        _ = self.made
        if len(self.pictures) > 1 and self.way.by is Generates:
            raise ConfigError(
                f"the model is given {len(self.pictures)} pictures ({', '.join(self.pictures)}), "
                "and --input is one: genlab apply cannot say which"
            )
        if self.masks and not self.request.mask:
            raise ConfigError(
                f"the model is given a mask ({', '.join(self.masks)}): give --mask=FILE or FOLDER, "
                "white where something is missing"
            )
        if missing := sorted(self.conditions - {*self.request.given}):
            value = "FILE" if missing[0] in self.pictures else "VALUE"
            raise ConfigError(
                f"the model is given {', '.join(missing)} too: give --given={missing[0]}={value}"
            )
        _ = self.fixed

    @cached_property
    def channels(self) -> int:
        """Of what it is applied to."""
        return self.run.source.columns[self.given].shape[-1]

    @cached_property
    def tiled(self) -> Tiled:
        """The network on pictures of any size."""
        column = self.run.source.columns[self.given]
        given = {self.given: column.shape[-1], **dict.fromkeys(self.masks, 1)}
        trained = column.shape[0], column.shape[1]
        return Tiled(*self.network, given, trained, self.request.tile)

    @cached_property
    def fixed(self) -> dict[str, np.ndarray]:
        """The conditions as they are asked for, as stored; pictures are of files, of any size."""
        run, texts = self.run, self.request.given
        files = {n: text for n, text in texts.items() if n in {*self.pictures} & self.conditions}
        others = {name: text for name, text in texts.items() if name not in files}
        found = {
            name: np.asarray(x)
            for name, x in asked(run.source.columns, run.method.given, others).items()
        }
        for name, text in files.items():
            pixels, _ = apply_pixels.without_alpha(read(Path(text), f"given={name}").pixels)
            count = self.pictures[name].shape[-1]
            found[name] = apply_pixels.channels(apply_pixels.eight(pixels), count)
        return found

    @cached_property
    def network(self) -> tuple[Callable[[Any, Mapping[str, Any]], Any], Any]:
        """What the model makes of pictures and masks by name, [1, h, w, c], and its variables."""
        run, method = self.run, self.run.method
        how = self.way
        key = random.fold_in(random.key(self.request.seed), STREAM)
        z = method.latents(key, 1) if how.by is Generates else None
        fixed = loaded(run.source, {n: x[None] for n, x in self.fixed.items()}) or {}

        def made(variables: Any, pictures: Mapping[str, Array]) -> Array:
            params, stats, fixed = variables
            cond = {**fixed, **{name: pictures[name] for name in pictures if name in method.given}}
            if z is not None:
                return method.generate(params, stats, z, cond or None)
            call = how.call(method)
            return call(params, stats, pictures[self.given], cond or None)

        return made, (run.params, run.stats, fixed)

    def __call__(self, image: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Of a picture uint8 or uint16 [H, W, c]: what the model makes, with as many bits; around
        the mask what was there stays.
        """
        top = float(np.iinfo(image.dtype).max)
        x = image.astype(np.float32) / (top / 2.0) - 1.0
        if mask is not None and self.request.fill == "grey":
            x = np.where(mask, np.float32(128 / 127.5 - 1.0), x)
        pictures = {self.given: x}
        if mask is not None:
            pictures |= {name: mask.astype(np.float32) for name in self.masks}
        made = self.tiled(pictures)
        found = np.rint(np.clip((made + 1.0) * (top / 2.0), 0.0, top)).astype(image.dtype)
        if mask is None or found.shape != image.shape:
            return found
        return np.where(mask, found, image)
