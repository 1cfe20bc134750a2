"""The Wasserstein-1 benchmark's truth: the coupling is optimal, the potential 1-Lipschitz."""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments" / "wasserstein1"))
from funnels import HALF, Funnels


@pytest.mark.parametrize(("dimension", "funnels"), [(2, 4), (2, 64), (16, 4)])
def test_every_pair_lies_on_a_ray_of_the_potential(dimension, funnels):
    """|x - y| = u(y) - u(x) for each coupled pair, hence primal and dual cost agree, and both are
    W1.
    """
    made = Funnels(dimension, funnels)
    y = np.random.default_rng(1).uniform(-HALF, HALF, (2000, dimension)).astype(np.float32)
    x = jax.jit(jax.vmap(made.moved))(y)
    u = jax.jit(jax.vmap(made.potential))
    lengths = np.linalg.norm(np.asarray(x) - y, axis=1)
    np.testing.assert_allclose(lengths, u(y) - u(x), atol=5e-6)
    assert np.abs(x).max() <= HALF
    a, _ = made.parameters
    bottom = np.linalg.norm(np.asarray(x)[:, None] - a[None], axis=2).min(axis=1)
    away = (bottom > 1e-2) & (lengths > 1e-2)  # at the bottom itself there is no slope
    slopes = np.asarray(jax.jit(jax.vmap(jax.grad(made.potential)))(x))[away]
    rays = ((y - np.asarray(x)) / lengths[:, None])[away]
    np.testing.assert_allclose(slopes, rays, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(slopes, axis=1), 1.0, rtol=1e-5)
