"""Two-dimensional shapes over a full grid of five factors, drawn on the device.

The factors are those of dSprites (Matthey et al. 2017, github.com/deepmind/dsprites-dataset), and
so are the sizes of square and ellipse, measured on its published pictures; the outline of its heart
is not published. The pictures are not those of that file: scores on one are not scores on the
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, random
from jaxtyping import Float, Int

from genlab.augment.image import Augmentation
from genlab.config import ConfigError
from genlab.data.columns import Column, Image, Label
from genlab.data.sources import ORDER, Source, prepared, shuffled
from genlab.runtime import compiler

SIZE = 64
SHAPES = ("square", "ellipse", "heart")
SCALES, ANGLES, PLACES = np.linspace(0.5, 1, 6), np.linspace(0, 2 * np.pi, 40), 32
FACTORS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "scale": tuple(f"{scale:.1f}" for scale in SCALES),
    "orientation": tuple(f"{np.degrees(angle):.1f} degrees" for angle in ANGLES),
    "x": tuple(f"{place:.1f}" for place in np.linspace(16, 48, PLACES)),
    "y": tuple(f"{place:.1f}" for place in np.linspace(16, 48, PLACES)),
}
"""Values of each factor, in order of the index, the last changing fastest. The first and the last
angle are the same, as in dSprites."""
COUNTS = tuple(len(values) for values in FACTORS.values())
COUNT = int(np.prod(COUNTS))  # 737,280
SQUARE, ELLIPSE, HEART = 9.6, (12.8, 7.25), 9.5  # half a side, semi-axes, unit, pixels at scale 1
SMALLEST, LARGEST = 16, 256
SPLIT = 7  # randomness of which combinations are held out
TOGETHER = 2**11  # pictures drawn at once when a split is read


def sprites(
    validation: int = 1_000,
    test: int = 10_000,
    seed: int = 0,
    augment: tuple = (),
    size: int = SIZE,
) -> Source:
    """A white square, ellipse or heart on black, uint8 0 or 255 [size, size, 1]: 3 shapes, 6
    scales, 40 orientations, 32 x 32 places, each combination once (737,280). In fewer pixels than
    64x64 neighbouring combinations may look the same.

    Columns: image; shape, scale, orientation, x and y, each a label. `validation` and `test`
    combinations are held out, chosen by `seed`; the train split has all others.

    ConfigError for held-out splits of no example, for more than there are combinations, and for a
    size outside of 16 to 256.
    """
    counts = {"train": COUNT - validation - test, "validation": validation, "test": test}
    if min(counts.values()) < 1:
        raise ConfigError(
            f"validation={validation}, test={test}: of {COUNT} combinations each split needs one "
            "or more"
        )
    if not SMALLEST <= size <= LARGEST:
        raise ConfigError(f"size={size}: sprites are {SMALLEST} to {LARGEST} pixels wide")
    columns = {"image": Image((size, size, 1)), **{n: Label(v) for n, v in FACTORS.items()}}
    return Sprites(columns, counts, seed, tuple(augment), size)


@dataclass(frozen=True)
class Sprites:
    """Combinations in an order that `seed` fixes, cut into splits of `counts`."""

    columns: Mapping[str, Column]
    counts: Mapping[str, int]
    seed: int = 0
    augment: tuple[Augmentation, ...] = ()
    size: int = SIZE
    resident = True

    def count(self, split: str) -> int:
        """Number of examples in a split."""
        if split not in self.counts:
            raise ConfigError(f"no split {split!r}; this set has {', '.join(self.counts)}")
        return self.counts[split]

    def fetch(self, split, seed, first, batches, size) -> dict[str, Any]:
        """Nothing but where the split begins, and how long it is."""
        self.count(split)
        names = list(self.counts)
        before = sum(self.counts[name] for name in names[: names.index(split)])
        return {"first": np.uint32(before), "of": np.eye(3, dtype=bool)[names.index(split)]}

    def batch(self, held, key, i, j, rows, size) -> dict[str, Array]:
        """Rows of batch `i`, drawn where they are used: a fresh order of the split each epoch."""
        positions = (i.astype(jnp.uint32) * size + rows.astype(jnp.uint32)).astype(jnp.uint32)
        order = random.fold_in(key, ORDER)
        each = [shuffled(order, positions, n).astype(jnp.uint32) for n in self.counts.values()]
        places = jnp.select([held["of"][k] for k in range(3)], each)
        stored = self._drawn(held["first"] + places)
        return prepared(self.columns, stored, key, positions, self.augment)

    def read(self, split, n=None) -> dict[str, np.ndarray]:
        """The first `n` examples as stored."""
        count = min(n or self.count(split), self.count(split))
        first = int(self.fetch(split, 0, 0, 1, 1)["first"])
        block = min(count, TOGETHER)
        made = [
            self._block(first + np.arange(start, start + block, dtype=np.uint32))
            for start in range(0, count, block)  # one program: the last block is cut
        ]
        return {
            name: np.concatenate([np.asarray(x[name]) for x in made])[:count]
            for name in self.columns
        }

    def only(self, names) -> "Sprites":
        """The same combinations, of these columns: no other is drawn."""
        kept = {name: column for name, column in self.columns.items() if name in names}
        return replace(self, columns=kept)

    @cached_property
    def _block(self):
        return compiler.jit(self._drawn)

    def _drawn(self, places: Int[Array, " b"]) -> dict[str, Array]:
        """Examples as stored, by their places in the set's order."""
        index = shuffled(random.key(SPLIT + self.seed), places, COUNT).astype(jnp.int32)
        values = dict(zip(FACTORS, jnp.unravel_index(index, COUNTS), strict=True))
        found = {name: value.astype(jnp.int32) for name, value in values.items()}
        if "image" in self.columns:
            found["image"] = picture(**values, size=self.size)
        return {name: found[name] for name in self.columns}


def picture(
    shape: Int[Array, " b"],
    scale: Int[Array, " b"],
    orientation: Int[Array, " b"],
    x: Int[Array, " b"],
    y: Int[Array, " b"],
    size: int = SIZE,
) -> Int[Array, "b size size 1"]:
    """uint8 pictures of the indices of factors: a pixel is white where its centre is inside."""
    at = [16 + 32 * place.astype(jnp.float32) / (PLACES - 1) for place in (x, y)]
    pixels = (jnp.arange(size) + 0.5) * (SIZE / size)
    right = pixels[None, None] - at[0][:, None, None]
    down = pixels[None, :, None] - at[1][:, None, None]
    angle = jnp.asarray(ANGLES, jnp.float32)[orientation][:, None, None]
    large = jnp.asarray(SCALES, jnp.float32)[scale][:, None, None]
    u = (jnp.cos(angle) * right + jnp.sin(angle) * down) / large
    v = (jnp.cos(angle) * down - jnp.sin(angle) * right) / large
    kinds = jnp.stack([_in_square(u, v), _in_ellipse(u, v), _in_heart(u, v)])
    inside = jnp.take_along_axis(kinds, shape[None, :, None, None], axis=0)[0]
    return jnp.where(inside, 255, 0).astype(jnp.uint8)[..., None]


def _in_square(u: Float[Array, "b h w"], v: Float[Array, "b h w"]) -> Array:
    return (jnp.abs(u) <= SQUARE) & (jnp.abs(v) <= SQUARE)


def _in_ellipse(u: Float[Array, "b h w"], v: Float[Array, "b h w"]) -> Array:
    return (u / ELLIPSE[0]) ** 2 + (v / ELLIPSE[1]) ** 2 <= 1


def _in_heart(u: Float[Array, "b h w"], v: Float[Array, "b h w"]) -> Array:
    """(a^2 + b^2 - 1)^3 <= a^2 b^3, the point downwards."""
    a, b = u / HEART, -v / HEART
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
