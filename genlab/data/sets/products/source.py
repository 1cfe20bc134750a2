"""The set as a source: items drawn on the device, each from (seed, split, index)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random

from genlab.augment.image import Augmentation
from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column
from genlab.data.sets.products import columns as kinds
from genlab.data.sets.products.damage import Damage
from genlab.data.sets.products.decoder import decode
from genlab.data.sets.products.factors import FACTORS, drawn
from genlab.data.sets.products.withheld import Stretches, Withheld, around, withheld_of
from genlab.data.sources import ORDER, Source, keyed, prepared, shuffled
from genlab.runtime import compiler

SPLITS: tuple[str, ...] = ("train", "validation", "test")
TRAIN = SPLITS.index("train")
ENDLESS = 0  # examples of a train split without end
READ = 10_000  # examples of an endless split that are counted, and read when all are asked for
SMALLEST, LARGEST = 16, 256
TOGETHER = 2**20  # pixels drawn at once when a split is read


@dataclass(frozen=True)
class Products:
    """Items of a split are `item(index)`; an endless split goes through all 2^32 of them, each run
    in an order of its own.

    counts:   of the examples of each split; 0 for no end
    withheld: stretches of factors that the train split leaves out
    """

    size: int
    columns: Mapping[str, Column]
    counts: Mapping[str, int]
    seed: int = 0
    augment: tuple[Augmentation, ...] = ()
    damage: Damage = field(default_factory=Damage)
    withheld: Withheld = ()
    resident = True

    def count(self, split: str) -> int:
        """Number of examples in a split; of an endless one as many as are read for all."""
        return list(self.counts.values())[self._stream(split)] or READ

    def fetch(self, split, seed, first, batches, size) -> dict[str, Any]:
        """Nothing but the number of the split."""
        return {"stream": np.uint32(self._stream(split))}

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i`, drawn where they are used."""
        positions = (i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)).astype(jnp.uint32)
        order = random.fold_in(key, ORDER)
        orders = [self._order(order, count) for count in self.counts.values()]
        index = lax.switch(held["stream"], orders, positions)
        stored = self._drawn(held["stream"], index)
        return prepared(self.columns, stored, key, positions, self.augment)

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored."""
        stream, count = self._stream(split), self.count(split)
        if n is not None:
            count = n if list(self.counts.values())[stream] == ENDLESS else min(n, count)
        block = max(1, min(count, TOGETHER // self.size**2))
        made = [
            self._block(np.uint32(stream), np.arange(start, start + block, dtype=np.uint32))
            for start in range(0, count, block)  # one program: the last block is cut
        ]
        names = self.columns
        return {name: np.concatenate([np.asarray(x[name]) for x in made])[:count] for name in names}

    def only(self, names) -> "Products":
        """The same items, of these columns: no other is computed."""
        kept = {name: column for name, column in self.columns.items() if name in names}
        return replace(self, columns=kept)

    def decode(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """See `decoder.decode`: every factor, read off pictures uint8 [N, H, H, 3]."""
        return decode(images)

    def key(self, stream: Array, index: Array) -> Array:
        """Of one item: all of it follows from this."""
        return _key(self.seed, stream, index)

    @cached_property
    def _block(self):
        return compiler.jit(self._drawn)

    def _drawn(self, stream: Array, index: Array) -> dict[str, Array]:
        """Items as stored, [B, ...] each."""
        given = tuple(self.columns), self.seed, self.size, self.damage, self.withheld
        return _items(stream, index, *given)

    def _order(self, key: Array, count: int):
        """Position of the stream to index."""
        if count == ENDLESS:
            return lambda positions: keyed(key, positions)
        return lambda positions: shuffled(key, positions, count).astype(jnp.uint32)

    def _stream(self, split: str) -> int:
        if split not in self.counts:
            raise ConfigError(f"no split {split!r}; this set has {', '.join(self.counts)}")
        return SPLITS.index(split)


def _key(seed: int, stream: Array, index: Array) -> Array:
    return random.fold_in(random.fold_in(random.key(seed), stream), index)


@partial(jax.jit, static_argnums=(2, 3, 4, 5, 6), inline=True)  # a second a trace: once a process
def _items(
    stream: Array,
    index: Array,
    columns: tuple[str, ...],
    seed: int,
    size: int,
    damage: Damage,
    withheld: Withheld,
) -> dict[str, Array]:
    """Items as stored, [B, ...] each."""

    def trained(shares):
        return jnp.where(stream == TRAIN, around(shares, withheld), shares)

    moved = trained if withheld else None

    def one(i):
        key = _key(seed, stream, i)
        return kinds.drawn(columns, kinds.Item(drawn(key, moved), key, size, damage))

    return jax.vmap(one)(index)


def products(
    size: int = 32,
    columns: tuple[str, ...] = ("image", *FACTORS),
    examples: int = ENDLESS,
    validation: int = 1_000,
    test: int = 10_000,
    seed: int = 0,
    augment: tuple = (),
    damage: Damage = Damage(),  # noqa: B008 - frozen
) -> Source:
    """Pictures of products, uint8 [size, size, 3], drawn on the device: ten categories in two
    colours and six textures, of any shape, place, scale and angle, under light from a side.

    Columns: image and the factors (`factors.FACTORS`), all independent; others on request. One
    that nobody asks for is not computed. Item i of a split is a pure function of (seed, split, i).

    size:     16 to 256
    examples: of the train split; 0: endless, no item comes twice in 2^32
    augment:  changes of the examples (`genlab.augment.image`)
    damage:   of the columns `masked`, `noisy`, `blurred` and `low_resolution`

    ConfigError for a column there is not, another size, and counts below 0 (1 for held-out splits).
    """
    _check(size, columns, examples, validation, test)
    if "low_resolution" in columns and size % damage.factor:
        raise ConfigError(f"low_resolution: size={size} is no multiple of {damage}'s factor")
    counts: dict[str, int] = dict(zip(SPLITS, (examples, validation, test), strict=True))
    found = kinds.kinds(size)
    return Products(
        size, {name: found[name] for name in columns}, counts, seed, tuple(augment), damage
    )


def withholding(source: Source, stretches: Mapping[str, Stretches]) -> Source:
    """Products of which the train split leaves out stretches of some numbers, as stored, and the
    held-out splits have them: for interpolation and extrapolation. The columns keep their ranges.

    stretches: `{"length": ((0.4, 0.6), (0.8, 1.0))}`

    ConfigError for another source, a factor that is no number, and stretches that leave its range,
    overlap or leave nothing of it.
    """
    if not isinstance(source, Products):
        raise ConfigError(f"withholding takes products, not {type(source).__name__}")
    return replace(source, withheld=withheld_of(stretches))


def _check(size, columns, examples, validation, test) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise ConfigError(f"products of size={size}; expected {SMALLEST} to {LARGEST}")
    if examples < 0 or min(validation, test) < 1:
        raise ConfigError(
            f"examples={examples}, validation={validation}, test={test}; expected counts: at "
            "least one held out, examples=0 for an endless train split"
        )
    known = kinds.kinds(size)
    for name in columns:
        if name not in known:
            hint = did_you_mean(name, known) or f"; the columns are {', '.join(known)}"
            raise ConfigError(f"columns={tuple(columns)!r}: no column {name!r}{hint}")
    if not columns:
        raise ConfigError(f"columns=(); expected one or more of {', '.join(known)}")
