"""Spectral regularisation: the sum of the largest singular values of all kernels (Yoshida & Miyato
2017, arXiv:1705.10941; of a VAE as in Vahdat & Kautz 2020, arXiv:2007.03898, Section 3.3).
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

FIRST, STEPS = 40, 4  # power iterations at the start and in each round, as in NVAE's code


def begun(params: Mapping, key: PRNGKeyArray) -> dict:
    """A vector for each kernel, in its place, near the kernel's first right singular one."""
    found = {}
    for number, (name, w) in enumerate(_kernels(params).items()):
        u = random.normal(random.fold_in(key, number), w.shape[-1:])
        found[name] = _iterated(w, u / jnp.linalg.norm(u), FIRST)[0]
    return unflatten_dict(found)


def sum_of_norms(params: Mapping, vectors: Mapping) -> tuple[Float[Array, ""], dict]:
    """(the sum over the kernels, as matrices [-1, out], the vectors after some power iterations);
    its gradient is that of v'Wu with u and v constant.
    """
    total, moved, vectors = jnp.zeros(()), {}, _flat(vectors)
    for name, w in _kernels(params).items():
        u, v = _iterated(lax.stop_gradient(w), vectors[name], STEPS)
        total, moved[name] = total + v @ w @ u, u
    return total, unflatten_dict(moved)


def largest_gains(params: Mapping) -> Float[Array, ""]:
    """The sum over the norms of their largest gain, which would undo the regularisation (Vahdat &
    Kautz 2020, arXiv:2007.03898, in the authors' code).
    """
    scales = [w for name, w in _flat(params).items() if name[-1] == "scale"]
    return sum((jnp.abs(w).max() for w in scales), jnp.zeros(()))


def _kernels(params: Mapping) -> dict[tuple, Float[Array, "n d"]]:
    flat = _flat(params)
    return {n: w.reshape(-1, w.shape[-1]) for n, w in flat.items() if n[-1] == "kernel"}


def _flat(tree: Mapping) -> dict[tuple, Any]:
    """Arrays by their path."""
    return flatten_dict(dict(tree))


def _iterated(w: Array, u: Array, steps: int) -> tuple[Array, Array]:
    """(u, v) after power iterations: a loop, since those of a hundred kernels one after the other
    would take minutes and gigabytes to compile. The first one is outside of it: what it gives is a
    device's own where `w` is, as the loop's result.
    """

    def once(_, both: tuple[Array, Array]) -> tuple[Array, Array]:
        v = w @ both[0]
        v = v / (jnp.linalg.norm(v) + 1e-12)
        u = w.T @ v
        return u / (jnp.linalg.norm(u) + 1e-12), v

    return lax.fori_loop(1, steps, once, once(0, (u, u)))
