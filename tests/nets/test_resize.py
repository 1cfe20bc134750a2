"""Halving and doubling are what they say, and so are their derivatives of any order and mode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.nets.kernels.resize import mean_pool, upsample

X = random.normal(random.key(0), (2, 4, 6, 3))


def pooled(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def doubled(x):
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


PAIRS = [(mean_pool, pooled), (upsample, doubled)]


@pytest.mark.parametrize(("ours", "plain"), PAIRS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_values(ours, plain, dtype):
    x = X.astype(dtype)
    assert ours(x).dtype == x.dtype
    exact = plain(np.asarray(x, np.float64))
    rounding = 1e-6 if dtype == "float32" else 2**-8
    np.testing.assert_allclose(ours(x), exact, rtol=rounding, atol=1e-6)


@pytest.mark.parametrize(("ours", "plain"), PAIRS)
def test_derivatives_of_every_order_and_mode(ours, plain):
    def found(fn):
        def slope(x):
            return jax.grad(lambda x: jnp.sin(fn(jnp.cos(x)) * 2).sum())(x)

        return {
            "reverse": slope(X),
            "reverse of reverse": jax.grad(lambda x: jnp.square(slope(x)).sum())(X),
            "forward of reverse": jax.jvp(slope, (X,), (X + 1,))[1],
            "of each": jax.vmap(slope, 1, 1)(jnp.stack([X, -X], 1)),
        }

    own, known = jax.jit(lambda: (found(ours), found(plain)))()
    for name, expected in known.items():
        np.testing.assert_allclose(own[name], expected, atol=2e-6, err_msg=name)


def test_each_is_the_others_transpose():
    """<sum of blocks, y> = <x, repetition>."""
    y = random.normal(random.key(1), (2, 2, 3, 3))
    np.testing.assert_allclose(jnp.vdot(4 * mean_pool(X), y), jnp.vdot(X, upsample(y)), rtol=1e-5)
    np.testing.assert_allclose(mean_pool(upsample(y)), y, rtol=1e-6)


def test_an_odd_side_is_refused():
    with pytest.raises(TypeError, match="reshape"):
        mean_pool(X[:, :3])
