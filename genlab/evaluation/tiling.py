"""Networks on pictures of any size: in one piece, or in tiles that overlap as far as the network
sees.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from genlab.config import ConfigError, one_line
from genlab.runtime import compiler

Pictures = Mapping[str, Any]  # by name, float32 [1, h, w, c]
Net = Callable[[Any, Pictures], Any]  # of variables and pictures, to float32 [1, s h, s w, d]
STEPS = (1, 2, 4, 8, 16, 32, 64, 128)  # of sides that a network may take
TRIED = 4  # steps by which a side is changed to reach a size that a network takes
PROBE = 256  # pixels a side in which it is measured how far a network sees


@dataclass(frozen=True, eq=False)
class Tiled:
    """A network that takes pictures and gives one, on pictures of other sizes than it was trained
    with.

    net, variables: the network, and what it is called with before the pictures
    given:   channels of each picture that it takes, by name
    trained: height and width of the pictures that it was trained with
    tile:    pixels a side of the largest piece done at once
    """

    net: Net
    variables: Any
    given: Mapping[str, int]
    trained: tuple[int, int]
    tile: int = 512

    def __call__(self, pictures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Of pictures float32 [H, W, c] by name: float32 [s H, s W, d], for a network that enlarges
        by s. ConfigError for a size that the network does not take, with the reason.
        """
        height, width = next(iter(pictures.values())).shape[:2]
        if (height, width) == self.trained:
            return self._piece(pictures)
        tall, wide = (-(-n // self.step) * self.step for n in (height, width))
        if max(tall, wide) <= self.side:
            made = self._piece(_padded(pictures, self._near((tall, wide), 1)))
        else:
            made = self._of_tiles(_padded(pictures, (tall, wide)))
        return made[: height * self.scale, : width * self.scale]

    @cached_property
    def scale(self) -> int:
        """How many times larger a side is made."""
        return self.made(*self.trained)[0] // self.trained[0]

    @cached_property
    def step(self) -> int:
        """Sides that differ from those trained with by multiples of it are taken."""
        tall, wide = self.trained
        steps = [step for step in STEPS if tall % step == wide % step == 0]
        for step in steps:
            if self._takes(tall + step, wide + 2 * step):
                return step
        why = self._refusal(tall + steps[-1], wide + 2 * steps[-1])
        raise ConfigError(
            f"the network takes pictures of {tall}x{wide} alone, as it was trained with"
            f"{f' ({why})' if why else ''}: give pictures of that size, or train one of "
            "convolutions alone"
        )

    def _takes(self, height: int, width: int) -> bool:
        """Whether the network makes pictures of pictures of that size."""
        return self._refusal(height, width) is None

    def _refusal(self, height: int, width: int) -> str | None:
        """What it says of a size that it does not take, perhaps nothing; None of one it takes."""
        sizes, wanted = self._made, (self.scale * height, self.scale * width)
        if (height, width) not in sizes:
            try:
                sizes[height, width] = None if self.made(height, width) == wanted else ""
            except Exception as error:  # whatever a network says of a shape
                sizes[height, width] = one_line(error, 200)
        return sizes[height, width]

    @cached_property
    def _made(self) -> dict[tuple[int, int], str | None]:
        return {}

    def _near(self, size: tuple[int, int], way: int, least: int = 1) -> tuple[int, int]:
        """The size itself, or the nearest that the network takes, larger (`way` of 1) or smaller
        (-1) but of sides of at least so many pixels: a network may halve a picture as often as its
        sides allow, and have weights for so many halvings alone.
        """
        more = sorted(itertools.product(range(TRIED), repeat=2), key=sum)
        for steps in more:
            tall, wide = (n + way * self.step * by for n, by in zip(size, steps, strict=True))
            large = all(by == 0 or n >= least for n, by in zip((tall, wide), steps, strict=True))
            if large and self._takes(tall, wide):
                return tall, wide
        why = self._refusal(*size)
        raise ConfigError(
            f"the network does not take pictures of {size[0]}x{size[1]}, nor of sizes near it"
            f"{f' ({why})' if why else ''}: cut or enlarge the picture, or give another --tile"
        )

    def made(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what the network makes; nothing is computed."""
        shapes = {n: jax.ShapeDtypeStruct((1, height, width, c), jnp.float32)
                  for n, c in self.given.items()}  # fmt: skip
        return jax.eval_shape(self.net, self.variables, shapes).shape[1:3]

    @cached_property
    def reach(self) -> int | None:
        """How far a pixel of the output sees, in pixels of the input, rounded up to steps; None
        where it sees all of a picture, as over a norm or an attention of the whole.

        Measured: a few pixels amid noise are changed, and the output compared.
        """
        side = -(-PROBE // self.step) * self.step
        while not self._takes(side, side) and side > self.step:
            side -= self.step
        noise = np.random.default_rng(0)
        shape = {name: (side, side, c) for name, c in self.given.items()}
        before = {n: noise.uniform(-1, 1, s).astype(np.float32) for n, s in shape.items()}
        middle = side // 2 // self.step * self.step
        spot = slice(middle, middle + self.step)
        after = {name: x.copy() for name, x in before.items()}
        for x in after.values():
            x[spot, spot] = noise.uniform(-1, 1, x[spot, spot].shape)
        changed = np.any(self._piece(before) != self._piece(after), axis=-1)
        rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
        if not len(rows):
            return self.step
        ends = [at // self.scale for x in (rows, columns) for at in (x[0], x[-1])]
        if min(ends) == 0 or max(ends) == side - 1:
            return None
        far = max(middle - min(ends), max(ends) - (middle + self.step - 1), 1)
        return -(-far // self.step) * self.step

    @property
    def side(self) -> int:
        """Pixels a side of the largest piece."""
        return max(self.tile // self.step, 1) * self.step

    @cached_property
    def _program(self) -> Net:
        return compiler.jit(self.net)

    def _piece(self, pictures: Mapping[str, np.ndarray]) -> np.ndarray:
        whole = {name: x[None] for name, x in pictures.items()}
        return np.asarray(self._program(self.variables, whole))[0]

    def _of_tiles(self, pictures: Mapping[str, np.ndarray]) -> np.ndarray:
        """Each tile's middle, which sees no edge of the tile; of a network that sees all of a tile
        the tiles fade into one another.
        """
        shape = next(iter(pictures.values())).shape[:2]
        around = self.side // 4 // self.step * self.step if self.reach is None else self.reach
        side = max(self.side, 2 * around + self.step)
        fits = (min(side, shape[0]), min(side, shape[1]))
        sides = self._near(fits, -1, least=2 * around + self.step)
        total = weights = None
        for tall, wide in _places(shape, sides, around):
            made = self._piece({n: x[tall[0], wide[0]] for n, x in pictures.items()})
            share = self._share(shape, tall, wide, around)
            if total is None or weights is None:
                whole = (self.scale * shape[0], self.scale * shape[1])
                total = np.zeros((*whole, made.shape[-1]), np.float32)
                weights = np.zeros((*whole, 1), np.float32)
            at = tuple(slice(self.scale * s.start, self.scale * s.stop) for s in (tall[0], wide[0]))
            total[at] += share * made
            weights[at] += share
        assert total is not None and weights is not None
        return (total / weights).astype(np.float32)

    def _share(self, shape, tall, wide, around: int) -> np.ndarray:
        """What a tile counts at each of its pixels, [h, w, 1]."""
        if self.reach is not None:
            lines = [np.zeros(self.scale * (own.stop - own.start)) for own, _ in (tall, wide)]
            for line, (own, core) in zip(lines, (tall, wide), strict=True):
                first, last = core.start - own.start, core.stop - own.start
                line[self.scale * first : self.scale * last] = 1.0
        else:
            lines = [
                self._ramp(n, own, around) for n, (own, _) in zip(shape, (tall, wide), strict=True)
            ]
        return (lines[0][:, None] * lines[1][None])[..., None]

    def _ramp(self, count: int, own: slice, around: int) -> np.ndarray:
        """Rising from each edge of a tile that is none of the picture's."""
        at = np.arange(self.scale * (own.stop - own.start)) + 0.5
        width = max(self.scale * around, 1)
        up = np.minimum(at / width, 1.0) if own.start else np.ones_like(at)
        down = np.minimum(at[::-1] / width, 1.0) if own.stop < count else np.ones_like(at)
        return np.minimum(up, down)


def _padded(pictures: Mapping[str, np.ndarray], sides: tuple[int, int]) -> dict[str, np.ndarray]:
    """Mirrored at the lower and right edge, to these sides."""
    shape = next(iter(pictures.values())).shape[:2]
    more = [(0, to - n) for to, n in zip(sides, shape, strict=True)]
    return {n: np.pad(x, (*more, (0, 0)), mode="symmetric") for n, x in pictures.items()}


Span = tuple[slice, slice]  # of a tile, and of its middle


def _places(
    shape: tuple[int, int], sides: tuple[int, int], around: int
) -> Iterator[tuple[Span, Span]]:
    """Rows and columns of each tile, with those of its middle."""
    for tall in _spans(shape[0], sides[0], around):
        for wide in _spans(shape[1], sides[1], around):
            yield tall, wide


def _spans(count: int, side: int, around: int) -> Iterator[Span]:
    side = min(side, count)
    first = 0
    while first < count:
        start = min(max(first - around, 0), count - side)
        last = count if start + side == count else start + side - around
        yield slice(start, start + side), slice(first, last)
        first = last
