"""Damaged versions of the pictures of any source, as columns: what restoration is given."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError, choices
from genlab.data.columns import Column, Image, Mask, first_image
from genlab.data.sets.products import damage as ways
from genlab.data.sets.products.columns import LUMA, to_bytes
from genlab.data.sets.products.damage import Damage
from genlab.data.sources import Source, contents_of
from genlab.runtime import compiler

STREAM = 81  # of damage, apart from the source's own randomness
HOLES, NOISE, AGAIN = range(3)  # streams of a picture's key
TOGETHER = 2**20  # pixels damaged at once when a split is read


@dataclass(frozen=True)
class Picture:
    """A picture, float32 [H, W, C] in 0..1, and the key that all of its damage follows from."""

    image: Array
    key: Array
    damage: Damage

    @cached_property
    def holes(self) -> Array:
        """bool [H, W, 1]."""
        height, width, _ = self.image.shape
        key = random.fold_in(self.key, HOLES)
        return ways.holes(key, height, width, self.damage.holes)

    @property
    def grey(self) -> Array:
        """[H, W, 1]."""
        if self.image.shape[-1] == 1:
            return self.image
        return (self.image * jnp.array(LUMA)[None, None]).sum(-1, keepdims=True)

    def noisy(self, stream: int) -> Array:
        """With noise of a stream of its own."""
        noise = random.normal(random.fold_in(self.key, stream), self.image.shape)
        return self.image + self.damage.noise * noise


PICTURES: dict[str, Callable[[Picture], Array]] = {
    "grey": lambda p: p.grey,
    "low_resolution": lambda p: ways.coarse(p.image, p.damage.factor),
    "small": lambda p: ways.small(p.image, p.damage.factor),
    "masked": lambda p: jnp.where(p.holes, 0.5, p.image),
    "noisy": lambda p: p.noisy(NOISE),
    "noisy_again": lambda p: p.noisy(AGAIN),
    "blurred": lambda p: ways.blurred(p.image, p.damage.blur),
}
"""The damaged pictures, in 0..1."""
COLUMNS = (*PICTURES, "holes")


@dataclass(frozen=True)
class Damaged:
    """A source with damaged versions of its pictures. In training the damage is drawn anew for each
    place in the stream, after augmentation; of what is read it follows from (seed, split, row).
    """

    source: Source
    of: str
    names: tuple[str, ...]
    damage: Damage = field(default_factory=Damage)
    seed: int = 0

    @property
    def resident(self) -> bool:
        """Whether the source is."""
        return self.source.resident

    @property
    def contents(self) -> dict[str, dict[str, str]]:
        """The files of the source."""
        return contents_of(self.source)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of the source."""
        return tuple(getattr(self.source, "splits", ("train", "validation", "test")))

    @property
    def columns(self) -> Mapping[str, Column]:
        """The source's, then the damaged ones."""
        own = {name: kind for name, kind in self.source.columns.items()}
        return own | {name: self._kind(name) for name in self.names}

    def count(self, split: str) -> int:
        """Number of examples in a split."""
        return self.source.count(split)

    def fetch(self, split, seed, first, batches, size, **share) -> dict[str, Any]:
        """What the source holds."""
        return self.source.fetch(split, seed, first, batches, size, **share)

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i`, damaged where they are used."""
        found = self.source.batch(held, key, i, j, rows, size)
        positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)
        key = random.fold_in(key, STREAM)
        keys = jax.vmap(lambda p: random.fold_in(key, p))(positions)
        made = self._made((found[self.of] + 1.0) / 2.0, keys)
        return found | {name: self._kind(name).load(x) for name, x in made.items()}

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored."""
        found = self.source.read(split, n)
        images = found[self.of]
        key = random.fold_in(random.key(self.seed), zlib.crc32(split.encode()))
        block = max(1, min(len(images), TOGETHER // (images.shape[1] * images.shape[2])))
        parts = []
        for start in range(0, len(images), block):  # one program: the last block is filled up
            rows = np.arange(start, start + block)
            part = images[np.minimum(rows, len(images) - 1)]
            made = self._block(part, key, rows.astype(np.uint32))
            parts.append({name: np.asarray(x) for name, x in made.items()})
        whole = {n_: np.concatenate([p[n_] for p in parts])[: len(images)] for n_ in self.names}
        return {name: found[name] if name in found else whole[name] for name in self.columns}

    def only(self, names) -> "Damaged | Source":
        """These columns of it; the picture stays where a damaged one is made of it."""
        kept = tuple(name for name in self.names if name in names)
        if not kept:
            return self.source.only(names)
        return replace(self, source=self.source.only({*names, self.of}), names=kept)

    @cached_property
    def _block(self):
        def made(images, key, rows):
            keys = jax.vmap(lambda row: random.fold_in(key, row))(rows)
            return self._made(images.astype(jnp.float32) / 255.0, keys)

        return compiler.jit(made)

    def _made(self, images: Array, keys: Array) -> dict[str, Array]:
        """The damaged columns of pictures [B, H, W, C] in 0..1, as stored."""

        def one(image, key):
            picture = Picture(image, key, self.damage)
            return {
                name: picture.holes if name == "holes" else to_bytes(PICTURES[name](picture))
                for name in self.names
            }

        return jax.vmap(one)(images, keys)

    def _kind(self, name: str) -> Column:
        height, width, channels = self.source.columns[self.of].shape
        if name == "holes":
            return Mask((height, width, 1))
        factor = self.damage.factor if name == "small" else 1
        return Image((height // factor, width // factor, 1 if name == "grey" else channels))


def damaged(
    source: Source,
    columns: tuple[str, ...] = ("masked", "holes"),
    damage: Damage = Damage(),  # noqa: B008 - frozen
    of: str | None = None,
    seed: int = 0,
) -> Source:
    """A source and damaged versions of its pictures: `spec(damaged, spec(photographs), ("noisy",),
    spec(Damage, noise=0.1))`. They are what `products` has, of any pictures:

    `masked`, with grey in free-form holes, and `holes`; `noisy`, and `noisy_again` with other noise
    of the same strength (for Noise2Noise); `blurred`; `grey`; `low_resolution`, means of blocks at
    the same size, and `small`, at the size of their number.

    of:   the column damaged; None: the first picture
    seed: of what is read: the same damage of the same row every time. Training draws it anew

    ConfigError for a column there is not, a source without pictures, one that has a column of such
    a name, and sides that are no multiple of the factor.
    """
    name_of = (first_image(source.columns) or "") if of is None else of
    if not isinstance(source.columns.get(name_of), Image):
        raise ConfigError(
            f"damaged(of={name_of!r}): expected the name of a column of images; the source has "
            f"{', '.join(source.columns)}"
        )
    for name in columns:
        if name not in COLUMNS:
            raise ConfigError(f"damaged: no column {name!r}{choices(name, COLUMNS)}")
        if name in source.columns:
            raise ConfigError(f"damaged: the source has a column {name!r} of its own; leave it out")
    if not columns:
        raise ConfigError(f"damaged(columns=()); expected some of {', '.join(COLUMNS)}")
    height, width, _ = source.columns[name_of].shape
    if {"low_resolution", "small"} & set(columns) and (
        height % damage.factor or width % damage.factor
    ):
        raise ConfigError(f"pictures of {height}x{width} are no multiple of {damage}'s factor")
    return Damaged(source, name_of, tuple(columns), damage, seed)
