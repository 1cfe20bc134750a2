"""Latents: interpolation and truncation."""

import jax.numpy as jnp
from jax import Array, random


def interpolate(a: Array, b: Array, steps: int) -> Array:
    """Spherical interpolation between rows of `a` and `b`, [N, D] -> [N, steps, D] (White 2016,
    arXiv:1609.04468).
    """
    cosine = (a * b).sum(-1) / (jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1))
    omega = jnp.arccos(jnp.clip(cosine, -1 + 1e-6, 1 - 1e-6))[:, None, None]
    t = jnp.linspace(0, 1, steps)[None, :, None]
    return (jnp.sin((1 - t) * omega) * a[:, None] + jnp.sin(t * omega) * b[:, None]) / jnp.sin(
        omega
    )


def truncated(key: Array, shape: tuple[int, ...], psi: float) -> Array:
    """The truncation trick: N(0, 1) drawn anew wherever it is beyond +-psi (Brock et al. 2019,
    arXiv:1809.11096, 3.1).
    """
    return random.truncated_normal(key, -psi, psi, shape)
