"""The noise maps of a style-based generator, found with the latents (Karras et al. 2020,
arXiv:1912.04958, Section 5 and Appendix D).
"""

import jax.numpy as jnp
from jax import Array, lax, random, vmap
from jaxtyping import Float, PRNGKeyArray

from genlab.nets.style import Noise, Sizes, areas, maps_of

MAPS = "noise, the maps"  # of each example, in a row, among its conditions; no column's name
SMALLEST = 8  # side of the coarsest maps of a pyramid
WEIGHT = 1e5  # of `autocorrelation` beside a distance of features; Appendix D's alpha


def parted(cond):
    """(the conditions of columns, None for none; the noise maps, None for none)."""
    if cond is None or MAPS not in cond:
        return cond, None
    return {name: x for name, x in cond.items() if name != MAPS} or None, cond[MAPS]


def autocorrelation(noise: Noise, sizes: Sizes) -> Float[Array, " b"]:
    """How much of a picture there is in noise, 0 on average only of noise that is: the sum over
    maps n, and over each halved down to 8x8, of mean(n(x, y) n(x-1, y))^2 + mean(n(x, y)
    n(x, y-1))^2, the edges joined (Appendix D).

    Halving takes means of 2x2 pixels times 2, so that white noise keeps its variance, as in the
    text; the paper's code leaves the 2 out, and coarse maps weigh less in it.
    """
    total = jnp.zeros(len(noise))
    for n in maps_of(noise, sizes):
        while True:
            for axis in (1, 2):
                total += jnp.square((n * jnp.roll(n, 1, axis)).mean((1, 2)))
            if n.shape[1] <= SMALLEST:
                break
            n = 2 * n.reshape(len(n), n.shape[1] // 2, 2, n.shape[2] // 2, 2).mean((2, 4))
    return total


def normalised(noise: Noise, sizes: Sizes) -> Noise:
    """Each map with mean 0 and variance 1, as after every step of Appendix D."""
    found = []
    for n in maps_of(noise, sizes):
        centred = n - n.mean((1, 2), keepdims=True)
        variance = jnp.square(centred).mean((1, 2), keepdims=True)
        found.append((centred * lax.rsqrt(variance + 1e-12)).reshape(len(n), -1))
    return jnp.concatenate(found, axis=1)


def drawn(key: PRNGKeyArray, n: int, sizes: Sizes) -> Noise:
    """N(0, 1) for each of `n` pictures, each row by its own number."""
    keys = vmap(random.fold_in, (None, 0))(key, jnp.arange(n))
    return vmap(lambda key: random.normal(key, (areas(sizes),)))(keys)
