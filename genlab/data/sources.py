"""What a run reads: `batch(i)` is a pure function of `(seed, i)`, so there is no iterator to save.

Three kinds share one protocol. `Resident` keeps uint8 arrays on the device and gathers there;
`Streamed` reads a random-access set by index on the host, through Grain; `Drawn` samples a density
(see `toy.py`). An example is named columns, each with a kind (`data.columns`). A *reader* is any
object with `len(reader)` and `reader[i] -> {column: stored value}`.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax, random

from genlab.augment.image import Augmentation
from genlab.config import ConfigError
from genlab.data.columns import Column
from genlab.runs.data_files import Contents
from genlab.runtime import collectives
from genlab.runtime.compiler import GPUS

RESIDENT_BYTES = 512 * 2**20  # a set below this lives on the device
ORDER, AUGMENT = 1, 2  # streams of randomness under the data key
ROUNDS = (
    8  # of the shuffle: with four, some pairs of 10 rows come 20 % too often, with eight none does
)


class Reader(Protocol):
    """Examples by their index."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> Mapping[str, Any]: ...


class Readable(Protocol):
    """Examples in named columns, to be read: what sampling asks of a data set."""

    @property
    def columns(self) -> Mapping[str, Column]:
        """The kind of each column by its name."""
        ...

    def read(self, split: str, n: int | None = None) -> dict[str, np.ndarray]:
        """On the host: the first `n` examples of a split in storage order, columns as stored."""
        ...


class Source(Readable, Protocol):
    """A data set as training and evaluation see it."""

    @property
    def resident(self) -> bool:
        """Whether `fetch` gives the same arrays for every batch, to be put on the device once."""
        ...

    def count(self, split: str) -> int:
        """Number of examples in a split; ConfigError for a split that does not exist."""
        ...

    def fetch(self, split: str, seed: int, first: int, batches: int, size: int) -> dict[str, Any]:
        """On the host: what the device must hold to make batches `first .. first + batches`
        (leading axis).

        Where `resident` is False it also takes `rows`, ascending: those of each batch to read,
        None for all.
        """
        ...

    def batch(self, held: dict, key: Array, i: Array, j: Array, rows: Array, size: int) -> dict:
        """In the traced step: rows `rows` of batch `i`, which is the `j`-th of those held: every
        column as networks take it, float32 [rows, *shape].

        `key` is the run's data key: the same in every step, so that all randomness is in `(key, i,
        row)`.
        """
        ...

    def only(self, names: Collection[str]) -> "Source":
        """The same examples in the same order, of these columns: no other is read or held."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """A set that knows its answers: what is in a picture follows from the picture, without a
    trained network.
    """

    def decode(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [N, H, W, C] to the columns that can be read off them, as stored, [N, ...] each."""
        ...


@dataclass(frozen=True)
class Resident:
    """A small set, on the device as stored; shuffled each epoch and gathered in the step."""

    splits: Mapping[str, Mapping[str, np.ndarray]]
    columns: Mapping[str, Column]
    augment: tuple[Augmentation, ...] = ()
    contents: Contents = field(default_factory=dict)
    resident = True

    def count(self, split: str) -> int:
        """Number of examples in a split."""
        return len(next(iter(_split(self.splits, split).values())))

    def fetch(self, split, seed, first, batches, size) -> dict[str, np.ndarray]:
        """The whole split, an example a row: a TPU would copy images into tiles, four times their
        size, to gather from them.
        """
        held = _split(self.splits, split)
        return {name: x if x.ndim < 3 else x.reshape(len(x), -1) for name, x in held.items()}

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i`: example `p` of the run is row `order(p)` of the split."""
        positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)
        count = next(iter(held.values())).shape[0]
        indices = shuffled(random.fold_in(key, ORDER), positions, count)
        like = next(iter(self.splits.values()))
        stored = {
            name: x[indices].reshape(len(rows), *like[name].shape[1:]) for name, x in held.items()
        }
        return prepared(self.columns, stored, key, positions, self.augment)

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored."""
        return {name: x[:n] for name, x in _split(self.splits, split).items()}

    def only(self, names) -> "Resident":
        """These columns of it."""
        splits = {split: _chosen(held, names) for split, held in self.splits.items()}
        return replace(self, splits=splits, columns=_chosen(self.columns, names))


class Streamed:
    """A large set, read by index on the host by Grain's `MapDataset` in background threads.

    Batch `i` is still a function of `(seed, i)`: a stream that is asked for another batch than the
    next one starts over there.
    """

    resident = False

    def __init__(
        self,
        splits: Mapping[str, Reader],
        columns: Mapping[str, Column],
        augment: Sequence[Augmentation] = (),
        threads: int = 4,
        contents: Contents = MappingProxyType({}),
    ):
        self.splits, self.columns, self.threads = splits, columns, threads
        self.contents = contents
        self.augment = tuple(augment)
        self._streams: dict[tuple, tuple[int, Any]] = {}

    def __getstate__(self) -> dict:
        """What makes it: without the streams that are open."""
        return {**vars(self), "_streams": {}}

    def count(self, split: str) -> int:
        """Number of examples in a split."""
        return len(_split(self.splits, split))

    def fetch(self, split, seed, first, batches, size, rows=None) -> dict[str, np.ndarray]:
        """Batches from the `first`, stacked: columns as stored, [batches, rows, ...]."""
        rows = tuple(range(size) if rows is None else map(int, rows))
        asked = split, seed, size, rows
        at, stream = self._streams.get(asked, (None, None))
        if stream is None or at != first:
            stream = self._open(split, seed, first, size, rows)
        stacked = [next(stream) for _ in range(batches)]
        self._streams[asked] = (first + batches, stream)
        return {name: np.stack([batch[name] for batch in stacked]) for name in stacked[0]}

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """The `j`-th held batch, loaded and augmented on the device."""
        positions = i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)
        stored = {name: x[j] for name, x in held.items()}
        return prepared(self.columns, stored, key, positions, self.augment)

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored."""
        reader = _split(self.splits, split)
        plain = _Plain(reader, self.columns)
        items = [plain[i] for i in range(min(n or len(reader), len(reader)))]
        return {name: np.stack([item[name] for item in items]) for name in self.columns}

    def only(self, names) -> "Streamed":
        """These columns of it; a reader that has `only(names)` reads no more than those."""
        splits = {split: _narrowed(reader, names) for split, reader in self.splits.items()}
        kept = _chosen(self.columns, names)
        return Streamed(splits, kept, self.augment, self.threads, self.contents)

    def _open(self, split, seed, first, size, rows):
        import grain

        reader = _Plain(_split(self.splits, split), self.columns)
        dataset = grain.MapDataset.source(reader).shuffle(seed=seed).repeat()
        if len(rows) < size:
            dataset = grain.MapDataset.source(_Share(dataset, size, rows))
        dataset = dataset.batch(len(rows), drop_remainder=True)[first:]
        options = grain.ReadOptions(num_threads=self.threads, prefetch_buffer_size=4 * self.threads)
        return iter(dataset.to_iter_dataset(options))


def from_readers(
    splits: Mapping[str, Reader],
    columns: Mapping[str, Column],
    augment: Sequence[Augmentation] = (),
    contents: Contents = MappingProxyType({}),
) -> Source:
    """A source over readers: on the device when all splits fit in `RESIDENT_BYTES`, streamed
    otherwise. `contents` are the files that it is of: see `contents_of`.
    """
    streamed = Streamed(splits, columns, augment, contents=contents)
    size = sum(len(r) * _bytes(_Plain(r, columns)[0]) for r in splits.values() if len(r))
    if size > RESIDENT_BYTES:
        return streamed
    held = {split: streamed.read(split) for split in splits}
    return Resident(held, columns, tuple(augment), contents)


def contents_of(source: Any) -> dict[str, dict[str, str]]:
    """The files that a source is of: {folder or file: {name: sha256}}; {} of one that says none.

    A run is of these files: one that is added, removed or changed is noticed when it goes on.
    """
    return {path: dict(names) for path, names in getattr(source, "contents", {}).items()}


def shuffled(key: Array, positions: Array, n: int) -> Array:
    """The row that each position of an endless stream reads: a fresh permutation of 0..n-1 per
    epoch of n positions.

    A Feistel network with cycle walking: a bijection on 0..n-1 computed for each position alone, so
    nothing of size n is sorted (Black & Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). A
    device walks until its own positions are done, and asks no other.
    """
    return collectives.by_rows(lambda own: _shuffled(key, own, n), positions)


@partial(jax.jit, static_argnums=2)  # one trace for all programs that read so
def _shuffled(key: Array, positions: Array, n: int) -> Array:
    bits = max(2, int(n - 1).bit_length())
    half = (bits + 1) // 2
    mask = jnp.uint32(2**half - 1)
    positions = positions.astype(jnp.uint32)
    epochs, rows = positions // jnp.uint32(n), positions % jnp.uint32(n)
    seeds = random.bits(key, (2,))
    epoch_key = _mixed(epochs + seeds[0]) ^ seeds[1]
    round_keys = [
        _mixed(epoch_key + jnp.uint32(0x9E3779B9 * r % 2**32)) for r in range(1, ROUNDS + 1)
    ]

    def permute(x):
        left, right = x >> half, x & mask
        for round_key in round_keys:
            left, right = right, left ^ (_mixed(right ^ round_key) & mask)
        return (left << half) | right

    walk = partial(walked, permute, n)
    far = partial(walk, ahead=steps_ahead(n, 4**half, positions.size))
    found = lax.platform_dependent(permute(rows), default=walk, **dict.fromkeys(GPUS, far))
    return found.astype(jnp.int32)


def walked(permute: Callable[[Array], Array], n: int, x: Array, ahead: int = 0) -> Array:
    """uint32 [B] `x`, of it what is outside of 0..n-1 permuted until it is inside; the first
    `ahead` steps without asking whether all are: a GPU waits while its host decides about a loop.
    """

    def step(x):
        return jnp.where(x < jnp.uint32(n), x, permute(x))

    for _ in range(ahead):
        x = step(x)
    return lax.while_loop(lambda x: ~(x < jnp.uint32(n)).all(), step, x)


def steps_ahead(n: int, domain: int, count: int) -> int:
    """How many steps leave one of `count` walks outside of n of a domain in one batch of 50, if
    each step falls anywhere with equal chance; at most 32.
    """
    outside = 1 - n / domain
    if not outside:
        return 0
    return min(32, math.ceil(math.log(0.02 / max(count, 1)) / math.log(outside)))


def keyed(key: Array, positions: Array) -> Array:
    """A permutation of all of uint32 that `key` chooses: the order of an endless stream."""
    seeds = random.bits(key, (2,))
    return _mixed(positions.astype(jnp.uint32) + seeds[0]) ^ seeds[1]


@jax.jit
def _mixed(x: Array) -> Array:
    """A bijection of uint32 in which every input bit sways every output bit: MurmurHash3's
    finaliser (Appleby 2011).
    """
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def prepared(
    columns: Mapping[str, Column],
    stored: Mapping[str, Array],
    key: Array,
    positions: Array,
    augment: Sequence[Augmentation],
) -> dict[str, Array]:
    """Stored rows as networks take them, augmented: each change with randomness of its own for
    each position of the stream, the same for every column that it applies to, so that what is in
    register stays so. What a change moves into view with a fill colour is 0 where there are no
    colours: outside of a mask.
    """
    made = {name: columns[name].load(x) for name, x in stored.items()}
    key = random.fold_in(key, AUGMENT)
    for number, change in enumerate(augment):
        stream = random.fold_in(key, number)

        def changed(x: Array, p: Array, coloured: bool, stream=stream, change=change) -> Array:
            key = random.fold_in(stream, p)
            # Geometry is A x + b with the fill colour in b.
            return change(x, key) if coloured else change(x, key) - change(jnp.zeros_like(x), key)

        for name in (n for n in made if applies(change, columns[n])):
            coloured = partial(changed, coloured=columns[name].coloured)
            made[name] = jax.vmap(coloured)(made[name], positions)
    return made


def applies(change: Augmentation, column: Column) -> bool:
    """Whether an augmentation changes a column: geometry what is in register with pictures, other
    changes what has colours.
    """
    return column.registers if getattr(change, "geometric", False) else column.coloured


def _split(splits: Mapping, split: str):
    if split not in splits:
        raise ConfigError(f"no split {split!r}; this set has {', '.join(splits)}")
    return splits[split]


def _chosen(columns: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name in names}


def _narrowed(reader: Reader, names: Collection[str]) -> Reader:
    only = getattr(reader, "only", None)
    return reader if only is None else only(names)


def _bytes(example: Mapping[str, np.ndarray]) -> int:
    return sum(value.nbytes for value in example.values())


class _Plain:
    """A reader's columns as arrays, as Grain wants them."""

    def __init__(self, reader: Reader, columns: Mapping[str, Column]):
        self.reader, self.columns = reader, columns

    def __len__(self):
        return len(self.reader)

    def __getitem__(self, i):
        example = self.reader[i]
        found = {name: np.asarray(example[name]) for name in self.columns}
        return {name: x.astype(np.int32) if x.dtype == int else x for name, x in found.items()}


class _Share:
    """Of an endless order of examples, those at some rows of each batch of `size`."""

    def __init__(self, examples, size: int, rows: tuple[int, ...]):
        self.examples, self.size, self.rows = examples, size, rows

    def __len__(self):
        return len(self.examples) // self.size * len(self.rows)

    def __getitem__(self, i):
        batch, row = divmod(i, len(self.rows))
        return self.examples[batch * self.size + self.rows[row]]
