"""Try-on by a warp: features of a person and of a garment are matched, and the garment is bent by
an affine map or a thin-plate spline (Rocco et al. 2017, arXiv:1703.05593; Wang et al. 2018,
arXiv:1807.07688, Section 3.1).
"""

import functools

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choices
from genlab.nets import layers
from genlab.nets.conditions import Conditions, pictures
from genlab.nets.kernels.convolution import Conv

KINDS = ("spline", "affine")


class Matching(nn.Module):
    """The picture `moved`, bent to fit the other pictures given; a trunk across, for
    `Translator(bounded=False)`.

    moved:  the column that is warped
    kind:   "spline" or "affine"
    points: of the spline's grid, along each axis
    width:  channels after the extractors' first halving, up to `8 * width`

    Where each pixel is taken from is sown as "grid" in "intermediates", "b h w 2".
    """

    moved: str = "garment"
    kind: str = "spline"
    points: int = 5
    width: int = 64
    norm: str = "BatchNorm"
    dtype: str = "float32"

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ConfigError(f"warping.Matching.kind is {self.kind!r}{choices(self.kind, KINDS)}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w d"]:
        """Pictures in the range of `moved`. ConfigError where it or the person is not given, and
        for sides that are no multiples of 64.
        """
        moved, person = self._both(cond)
        grid = self._grid(self._theta(person, moved, cond, train), (moved.shape[1], moved.shape[2]))
        self.sow("intermediates", "grid", grid)
        return sampled(moved, grid)

    def _both(self, cond: Conditions | None) -> tuple[Array, Array]:
        given = dict(cond or {})
        moved = given.pop(self.moved, None)
        person = pictures(given)
        if moved is None or person is None:
            names = ", ".join(sorted(cond or {})) or "nothing"
            raise ConfigError(
                f"warping.Matching bends the column {self.moved!r} to another picture, and is "
                f"given {names}: name both in the method's `given`"
            )
        if person.shape[1:3] != moved.shape[1:3] or any(side % 64 for side in person.shape[1:3]):
            raise ConfigError(
                f"pictures of {person.shape[1]}x{person.shape[2]} and {moved.shape[1]}x"
                f"{moved.shape[2]}: warping.Matching takes equal sides that are multiples of 64"
            )
        return moved, person

    def _theta(self, person: Array, moved: Array, cond: Conditions | None, train: bool) -> Array:
        """The warp's parameters, offsets of the identity, in [-1, 1]."""
        extract = functools.partial(Extractor, self.width, self.norm, self.dtype)
        maps = [extract()(v, cond, train) for v in (person, moved)]
        return Regression(
            2 * self.points**2 if self.kind == "spline" else 6, self.width, self.norm, self.dtype
        )(correlation(*maps), cond, train)

    def _grid(self, theta: Array, size: tuple[int, int]) -> Array:
        if self.kind == "affine":
            return affine_grid(theta, size)
        return spline_grid(theta.reshape(len(theta), self.points**2, 2), size)


class Extractor(nn.Module):
    """Four halvings and two more convolutions, ReLU before each norm."""

    width: int
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h/16 w/16 d"]:
        """Features, not normalised."""
        conv = functools.partial(Conv, kernel_init=layers.normal_02, dtype=self.dtype)
        for factor in (1, 2, 4, 8):
            x = nn.relu(conv(self.width * factor, (4, 4), strides=(2, 2))(x))
            x = layers.norm(self.norm, self.dtype)(x, cond, train)
        x = nn.relu(conv(8 * self.width, (3, 3))(x))
        x = layers.norm(self.norm, self.dtype)(x, cond, train)
        return nn.relu(conv(8 * self.width, (3, 3))(x))


class Regression(nn.Module):
    """Correlations to `outputs` numbers in [-1, 1], at first near 0."""

    outputs: int
    width: int
    norm: str = "BatchNorm"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b n"]:
        """By tanh, float32."""
        bias = layers.has_bias(self.norm)
        for factor, kernel, stride in ((8, 4, 2), (4, 4, 2), (2, 3, 1), (1, 3, 1)):
            x = Conv(
                self.width * factor,
                (kernel, kernel),
                strides=(stride, stride),
                use_bias=bias,
                kernel_init=layers.normal_02,
                dtype=self.dtype,
            )(x)
            x = nn.relu(layers.norm(self.norm, self.dtype)(x, cond, train))
        flat = x.reshape(len(x), -1).astype(jnp.float32)
        return jnp.tanh(nn.Dense(self.outputs, kernel_init=layers.normal_02)(flat))


def correlation(
    x: Float[Array, "b h w c"], y: Float[Array, "b h w c"]
) -> Float[Array, "b h w h*w"]:
    """Of each position of `x`, its inner products with every position of `y`, all of unit length
    (Rocco et al. 2017, Eq. 1).
    """
    x, y = (v / jnp.sqrt(jnp.square(v).sum(-1, keepdims=True) + 1e-6) for v in (x, y))
    return jnp.einsum("bhwc,bnc->bhwn", x, y.reshape(len(y), -1, y.shape[-1]))


def affine_grid(theta: Float[Array, "b 6"], size: tuple[int, int]) -> Float[Array, "b h w 2"]:
    """(x, y) in [-1, 1] that each pixel is taken from: (I + A) p + t, theta the rows of (A t); 0 is
    the identity.
    """
    rows = theta.reshape(-1, 2, 3)
    places = jnp.asarray(_places(size), jnp.float32)
    moved = jnp.einsum("bij,nj->bni", rows[:, :, :2], places) + rows[:, None, :, 2]
    return (places[None] + moved).reshape(-1, *size, 2)


def spline_grid(offsets: Float[Array, "b n 2"], size: tuple[int, int]) -> Float[Array, "b h w 2"]:
    """(x, y) in [-1, 1] that each pixel is taken from, the thin-plate spline that moves the points
    of a square grid by `offsets`; 0 is the identity. U(r) = r^2 log r^2 (Bookstein 1989).
    """
    solved, basis = _spline(round(offsets.shape[1] ** 0.5), size)
    moved = jnp.einsum("pn,bnd->bpd", jnp.asarray(basis @ solved), offsets, precision="highest")
    places = jnp.asarray(_places(size), jnp.float32)
    return (places[None] + moved).reshape(-1, *size, 2)


def sampled(x: Float[Array, "b h w c"], grid: Float[Array, "b i j 2"]) -> Float[Array, "b i j c"]:
    """`x` at the places of `grid`, (x, y) in [-1, 1] between the centres of the outermost pixels;
    bilinear, the border repeated outside.
    """
    h, w = x.shape[1:3]
    column, row = (
        jnp.clip((grid[..., axis] + 1) / 2 * (side - 1), 0, side - 1)
        for axis, side in ((0, w), (1, h))
    )
    left, top = (jnp.clip(jnp.floor(v), 0, max(n - 2, 0)) for v, n in ((column, w), (row, h)))
    flat = x.reshape(len(x), h * w, -1)
    found = jnp.zeros((*grid.shape[:3], x.shape[-1]))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = _share(row - top, i) * _share(column - left, j)
        at = jnp.minimum(top + i, h - 1) * w + jnp.minimum(left + j, w - 1)
        at = at.astype(jnp.int32).reshape(len(x), -1, 1)
        pixels = jnp.take_along_axis(flat, at, axis=1).reshape(found.shape)
        found += share[..., None] * pixels
    return found.astype(x.dtype)


def _share(past: Array, which: int) -> Array:
    """Of the pixel before and the one after; linear, so that it has a slope at whole pixels too."""
    return past if which else 1 - past


def _places(size: tuple[int, int]) -> Float[np.ndarray, "h*w 2"]:
    """(x, y) of every pixel, row by row, the outermost at -1 and 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in size), indexing="ij")
    return np.stack([x, y], axis=-1).reshape(-1, 2)


@functools.lru_cache
def _spline(points: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(coefficients of the spline for each point's offset, what they weigh at each pixel)."""
    control, places = _places((points, points)), _places(size)
    n = len(control)
    affine = np.concatenate([np.ones((n, 1)), control], axis=1)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _radial(control, control)
    system[:n, n:], system[n:, :n] = affine, affine.T
    solved = np.linalg.inv(system)[:, :n]
    basis = np.concatenate([_radial(places, control), np.ones((len(places), 1)), places], axis=1)
    return solved.astype(np.float32), basis.astype(np.float32)


def _radial(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = ((a[:, None] - b[None]) ** 2).sum(-1)
    return square * np.log(np.where(square > 0, square, 1.0))
