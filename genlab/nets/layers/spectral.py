"""Spectral normalisation of a whole network (Miyato et al. 2018, arXiv:1802.05957)."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array, lax, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.layers.wrappers import Wrapper


class SpectralNorm(Wrapper):
    """`net` with every kernel divided by its largest singular value, found by power iteration
    (Miyato et al. 2018, arXiv:1802.05957, Algorithm 1).

    A kernel is any parameter of rank two or more, embeddings too, as a matrix [-1, out]. Each call
    in training makes `steps` iterations and keeps the vector u in the collection "spectral"; other
    calls iterate and forget. The gradient passes through sigma with u and v constant. A kernel of
    zeros stays as it is until it is none, and keeps its u.

    through: False makes sigma a constant for the gradient, as some implementations have it
    exempt:  modules by name whose parameters are left as they are: by default the tables of
             `ConditionalBatchNorm`, which start at zero and would jump to norm one
    """

    steps: int = 1
    epsilon: float = 1e-12
    exempt: tuple[str, ...] = ("affine",)
    through: bool = True

    def __post_init__(self):
        if self.steps < 1:
            raise ConfigError(f"SpectralNorm.steps is {self.steps}; it is at least 1")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, cond: Conditions | None = None, train: bool = True):
        """What `net` gives."""
        keep = train and self.is_mutable_collection("spectral")

        def normalised(variables):
            params = _flat(variables.get("params", {}))
            kernels = {
                path: w.reshape(-1, w.shape[-1])
                for path, w in params.items()
                if w.ndim > 1 and not set(path) & set(self.exempt)
            }
            state = self.variable("spectral", "u", self._start, kernels)
            u = _flat(state.value)
            for path, w in kernels.items():
                u[path], sigma = self._iterate(w, u[path])
                params[path] = params[path] / jnp.where(sigma > 0, sigma, 1)
            if keep:
                state.value = unflatten_dict(u)
            return {**variables, "params": unflatten_dict(params)}

        through = nn.map_variables(
            lambda net: net(x, cond, train),
            "params",
            trans_in_fn=normalised,
            init=self.is_initializing(),
        )
        return through(self.net)

    def _start(self, kernels: dict) -> dict:
        keys = random.split(self.make_rng("params"), len(kernels))
        drawn = {
            path: random.normal(key, kernels[path].shape[-1:])
            for path, key in zip(kernels, keys, strict=True)
        }
        return unflatten_dict({path: u / jnp.linalg.norm(u) for path, u in drawn.items()})

    def _iterate(
        self, w: Float[Array, "n d"], u: Float[Array, " d"]
    ) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """(u, sigma) after `steps` iterations."""
        fixed, start = lax.stop_gradient(w), u
        for _ in range(self.steps):
            v = fixed @ u
            v = v / (jnp.linalg.norm(v) + self.epsilon)
            u = fixed.T @ v
            u = u / (jnp.linalg.norm(u) + self.epsilon)
        sigma = v @ (w if self.through else fixed) @ u  # pyright: ignore[reportPossiblyUnboundVariable]
        return jnp.where(sigma > 0, u, start), sigma


def _flat(tree: dict) -> dict[tuple, Any]:
    """Arrays by their path."""
    return flatten_dict(tree)
