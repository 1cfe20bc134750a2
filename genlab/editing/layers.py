"""What the first layers of a network make of a latent: their matrix, and activations behind them.

Both are taken from the linen layers as they are called, so that it does not matter how a network is
built, nor what enters it with the latent.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError

Generate = Callable[[Float[Array, "b d"]], Array]
TOLERANCE = 1e-4  # relative, of float32 sums


def layer_outputs(generate: Generate, z: Float[Array, "b d"]) -> list[Array]:
    """The outputs [B, ...] of all layers with weights (two axes or more) and without layers of
    their own inside, in the order of their calls.
    """
    found: list[Array] = []

    def record(call, args, kwargs, context):
        before = len(found)
        made = call(*args, **kwargs)
        if context.method_name == "__call__" and len(found) == before:
            weights = jax.tree.leaves(context.module.variables.get("params", {}))
            if any(w.ndim >= 2 for w in weights) and jnp.shape(made)[:1] == z.shape[:1]:
                found.append(made)
        return made

    with nn.intercept_methods(record):
        generate(z)
    return found


def style_matrix(generate: Generate, a: Float[Array, " d"], b: Float[Array, " d"]):
    """The weights [M, D] of all layers that are affine in the latent, row upon row: a projection of
    z, or the style layers of w: A of Shen & Zhou 2021, arXiv:2007.06600.

    `a` and `b` are two latents, between which affine layers are told from others. Raises
    ConfigError where no layer is affine.
    """
    affine, _ = _kinds(generate, a, b)
    if not affine:
        raise ConfigError(
            "no linen layer of the generator is affine in the latent, so that it has no "
            "closed-form directions: take supervised ones"
        )

    def outputs(z):
        made = layer_outputs(generate, z[None])
        return jnp.concatenate([made[i].reshape(-1) for i in affine])

    return np.asarray(jax.jit(jax.jacfwd(outputs))(a))


def activations(generate: Generate, a: Float[Array, " d"], b: Float[Array, " d"]) -> Generate:
    """z [B, D] -> outputs [B, M] of the first layer that is not affine in z; of the last where all
    are. `a` and `b` as in `style_matrix`.

    Raises ConfigError for a generator without layers of linen.
    """
    affine, others = _kinds(generate, a, b)
    if not affine + others:
        raise ConfigError("the generator has no linen layers whose activations could be taken")
    chosen = min(others, default=max(affine, default=0))
    return lambda z: layer_outputs(generate, z)[chosen].reshape(len(z), -1)


def _kinds(generate: Generate, a: Array, b: Array) -> tuple[list[int], list[int]]:
    """The layers that depend on the latent, by their number: the affine ones and the others."""
    made = jax.jit(lambda z: layer_outputs(generate, z))(jnp.stack([a, (a + b) / 2, b]))
    affine, others = [], []
    for i, (at_a, between, at_b) in enumerate(map(np.asarray, made)):
        size, change = np.abs(at_a).max() + np.abs(at_b).max(), np.abs(at_b - at_a).max()
        if change <= TOLERANCE * size:
            continue
        bent = np.abs(at_a + at_b - 2 * between).max()
        (affine if bent <= TOLERANCE * size else others).append(i)
    return affine, others
