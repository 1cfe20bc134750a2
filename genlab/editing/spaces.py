"""Latent spaces that a trained generator can be inverted and edited in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.editing.noise import parted
from genlab.game.abilities import Generates, HasNoise, Styles, can, drawn, require
from genlab.nets.style import Sizes

Cond = Mapping[str, Array] | None


class Space(NamedTuple):
    """A space of latents [B, D] of a trained generator, its weights inside.

    name:     "z", the latents that are decoded, or "w"
    generate: (latents, cond) -> examples in [-1, 1]; traceable, each row by itself; with the noise
              maps that are among the conditions (`noise.MAPS`)
    draw:     (key, n, cond) -> n latents as the model draws them, `cond` of n rows
    noise:    sizes of the generator's noise maps; () where it has none
    """

    name: str
    generate: Callable[[Array, Cond], Array]
    draw: Callable[[PRNGKeyArray, int, Cond], Array]
    noise: Sizes = ()


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
    sizes = noise_sizes(method)
    if name == "z":

        def generate(z, cond):
            cond, noise = parted(cond)
            if noise is None:
                return method.generate(params, stats, z, cond)
            return method.synthesis(params, stats, method.mapping(params, stats, z, cond), noise)

        def latents(key, n, cond):
            return drawn(method, params, stats, method.latents(key, n), parted(cond)[0])

        return Space("z", generate, latents, sizes)
    if name != "w":
        raise ConfigError(f"no latent space {name!r}; there is z, and w of a style-based generator")
    styled = require(method, Styles, "editing in w")

    def draw(key, n, cond):
        cond, _ = parted(cond)
        z = drawn(method, params, stats, method.latents(key, n), cond)
        return styled.mapping(params, stats, z, cond)

    def made(w, cond):
        noise = parted(cond)[1]
        return styled.synthesis(params, stats, w, *(() if noise is None else (noise,)))

    return Space("w", made, draw, sizes)


def noise_sizes(method: Any) -> Sizes:
    """Of the noise maps of a method's generator; () where it has none."""
    return method.noise_sizes() if can(method, HasNoise) else ()


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
