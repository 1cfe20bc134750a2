"""Contextual attention: what is inside a hole is put together from patches outside of it (Yu et al.
2018, arXiv:1801.07892, Section 4.1).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

SHARPNESS = 10.0  # of the softmax
EPSILON = 1e-4


def contextual_attention(
    x: Float[Array, "b h w c"], hole: Float[Array, "b h w 1"]
) -> Float[Array, "b h w c"]:
    """`x` rebuilt from its own patches of 4x4 that touch no hole, by the likeness of 3x3 patches at
    half the resolution: softmax of their product, the patch outside normalised, made smooth along
    neighbouring pairs. Without any patch outside it is 0. Sides are even.

    The mask is each example's own; in the authors' code one is taken for the whole batch.
    """
    h, w = x.shape[1:3]
    small, grid = x[:, ::2, ::2].astype(jnp.float32), (h // 2, w // 2)
    patches = windows(small, 3, 1)
    norms = jnp.sqrt(jnp.square(patches).sum(-1, keepdims=True))
    unit = patches / jnp.maximum(norms, EPSILON)
    likeness = jnp.einsum("bid,bjd->bij", patches, unit)
    likeness = fused(likeness, grid)
    outside = windows(hole[:, ::2, ::2], 3, 1).max(-1) < 0.5
    weights = _softmax(SHARPNESS * likeness, outside)
    raw = windows(x.astype(jnp.float32), 4, 2)
    return overlapping(jnp.einsum("bij,bjd->bid", weights, raw), (h, w)).astype(x.dtype)


def windows(x: Float[Array, "b h w c"], size: int, stride: int) -> Float[Array, "b n d"]:
    """The patch around each position, zeros outside of the picture, row by row."""
    before = (size - stride) // 2
    after = size - stride - before
    wide = jnp.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    h, w = x.shape[1:3]
    taps = [wide[:, i : i + h, j : j + w][:, ::stride, ::stride] for i, j in _square(size)]
    return jnp.stack(taps, axis=3).reshape(len(x), (h // stride) * (w // stride), -1)


def overlapping(patches: Float[Array, "b n d"], size: tuple[int, int]) -> Float[Array, "b h w c"]:
    """A picture from patches of 4x4, two pixels apart: the sum where they overlap, over 4."""
    h, w = size
    apart = patches.reshape(len(patches), h // 2, w // 2, 4, 4, -1)
    canvas = jnp.zeros((len(patches), h + 2, w + 2, apart.shape[-1]))
    for i, j in _square(4):
        canvas = canvas.at[:, i : i + h : 2, j : j + w : 2].add(apart[:, :, :, i, j])
    return canvas[:, 1:-1, 1:-1] / 4


def fused(likeness: Float[Array, "b n n"], grid: tuple[int, int]) -> Float[Array, "b n n"]:
    """Each pair's likeness and those of the pairs one step before and after, both moved alike:
    along rows, then along columns ("attention propagation").
    """
    h, w = grid
    rows = _diagonal(likeness)
    turned = rows.reshape(-1, h, w, h, w).transpose(0, 2, 1, 4, 3).reshape(rows.shape)
    columns = _diagonal(turned).reshape(-1, w, h, w, h)
    return columns.transpose(0, 2, 1, 4, 3).reshape(rows.shape)


def _diagonal(x: Float[Array, "b n n"]) -> Float[Array, "b n n"]:
    n = x.shape[1]
    wide = jnp.pad(x, ((0, 0), (1, 1), (1, 1)))
    return wide[:, :n, :n] + x + wide[:, 2:, 2:]


def _softmax(scores: Float[Array, "b n n"], known: Bool[Array, "b n"]) -> Float[Array, "b n n"]:
    """Over the known ones; zeros where none is."""
    masked = jnp.where(known[:, None], scores, -1e9)
    return jax.nn.softmax(masked) * known[:, None]


def _square(size: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(size) for j in range(size)]
