"""Latent spaces that a trained generator can be inverted and edited in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game.abilities import Generates, Styles, drawn, require

Cond = Mapping[str, Array] | None


class Space(NamedTuple):
    """A space of latents [B, D] of a trained generator, its weights inside.

    name:     "z", the latents that are decoded, or "w"
    generate: (latents, cond) -> examples in [-1, 1]; traceable, each row by itself
    draw:     (key, n, cond) -> n latents as the model draws them, `cond` of n rows
    """

    name: str
    generate: Callable[[Array, Cond], Array]
    draw: Callable[[PRNGKeyArray, int, Cond], Array]


class Spread(NamedTuple):
    """Where a space's latents are: their mean [D], and `scale`, the root mean square distance from
    it, the projector's w_std (StyleGAN2's projector.py, line 54), about sqrt(D) for N(0, I).
    """

    mean: Float[Array, " d"]
    scale: Float[Array, ""]


def space_of(name: str, method: Any, params: dict, stats: dict) -> Space:
    """The z of a method that `Generates`, or the w of one with `Styles`.

    Raises ConfigError for a space that the method does not have.
    """
    require(method, Generates, "editing")
    if name == "z":
        return Space(
            "z",
            lambda z, cond: method.generate(params, stats, z, cond),
            lambda key, n, cond: drawn(method, params, stats, method.latents(key, n), cond),
        )
    if name != "w":
        raise ConfigError(f"no latent space {name!r}; there is z, and w of a style-based generator")
    styled = require(method, Styles, "editing in w")

    def draw(key, n, cond):
        z = drawn(method, params, stats, method.latents(key, n), cond)
        return styled.mapping(params, stats, z, cond)

    return Space("w", lambda w, cond: styled.synthesis(params, stats, w), draw)


def spread(latents: Float[Array, "n d"]) -> Spread:
    """The mean and the scale of latents drawn."""
    mean = latents.mean(0)
    return Spread(mean, jnp.sqrt(jnp.square(latents - mean[None]).sum(-1).mean()))


def drawn_for_rows(space: Space, key: PRNGKeyArray, rows: Array, n: int, cond: Cond) -> Array:
    """`n` latents for each row [B, n, D], each row's by its own number, so that a picture's do not
    depend on those it is inverted with. `cond` of B rows.
    """

    def of(row, one):
        repeated = jax.tree.map(lambda x: jnp.broadcast_to(x[None], (n, *x.shape)), one)
        return space.draw(random.fold_in(key, row), n, repeated)

    return jax.vmap(of)(rows, cond)
