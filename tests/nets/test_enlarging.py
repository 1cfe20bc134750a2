"""Networks that enlarge and denoise, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import drawn, np_conv, traced

from genlab.nets import Translator, dncnn, enlarging


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def test_pixels_are_shuffled_block_by_block_and_begin_as_a_nearest_enlargement():
    x = np.arange(2 * 2 * 3 * 8, dtype=np.float32).reshape(2, 2, 3, 8)
    made = np.asarray(jax.jit(lambda x: enlarging.shuffled(x, 2))(x))
    assert made.shape == (2, 4, 6, 2)
    for i, j in np.ndindex(2, 2):
        np.testing.assert_array_equal(made[:, i::2, j::2], x[..., 2 * (2 * i + j) :][..., :2])
    init = enlarging.icnr(jax.nn.initializers.he_normal(), 2)
    kernel = np.asarray(init(jax.random.key(0), (3, 3, 2, 8)))
    picture = np.random.default_rng(0).normal(size=(1, 4, 4, 2))
    small = np_conv(picture, {"kernel": kernel})
    large = np.asarray(enlarging.shuffled(jnp.asarray(small, jnp.float32), 2))
    np.testing.assert_allclose(large, np.kron(small[..., :2], np.ones((1, 2, 2, 1))), atol=1e-5)


@pytest.mark.parametrize(
    "make, factor", [(enlarging.SRResNet, 8), (enlarging.MSRResNet, 1), (enlarging.RRDB, 2)]
)
def test_pictures_are_enlarged_by_any_power_of_two(make, factor):
    net = Translator(make(2, width=2, blocks=1, factor=factor, dtype="bfloat16"), bounded=False)
    made = traced(net, None, {"small": jax.ShapeDtypeStruct((2, 5, 7, 2), jnp.float32)})[0]
    assert made.shape == (2, 5 * factor, 7 * factor, 2) and made.dtype == jnp.float32


@pytest.mark.parametrize("make", [enlarging.MSRResNet, dncnn.DnCNN])
def test_what_is_repaired_is_the_picture_not_the_mask_before_it_by_name(make):
    """A network without weights gives the picture back."""
    draw = np.random.default_rng(0).normal
    cond = {
        "holes": np.ones((1, 4, 4, 1), np.float32),
        "masked": np.float32(draw(size=(1, 4, 4, 2))),
    }
    trunk = make(2, width=2, factor=1, blocks=1) if make is enlarging.MSRResNet else make(2, 2, 3)
    net = Translator(trunk, bounded=False)
    nought = jax.tree.map(jnp.zeros_like, drawn(net, None, cond))
    made = jax.jit(lambda v: net.apply(v, None, cond, train=False))(nought)
    np.testing.assert_array_equal(made, cond["masked"])


def test_an_rrdb_block_scales_both_of_its_residuals():
    """A dense block by hand, and three of them around a skip."""
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 2))
    block = enlarging.Dense(growth=2)
    variables = drawn(block, np.float32(x))
    seen = x
    for i in range(4):
        grown = leaky(np_conv(seen, variables["params"][f"Conv_{i}"]))
        seen = np.concatenate([seen, grown], -1)
    expected = x + 0.2 * np_conv(seen, variables["params"]["Conv_4"])
    np.testing.assert_allclose(
        jax.jit(block.apply)(variables, np.float32(x)), expected, rtol=1e-4, atol=1e-4
    )


def test_a_denoiser_gives_the_picture_less_what_it_finds_in_it():
    x = np.float32(np.random.default_rng(0).normal(size=(2, 5, 5, 3)))
    net = dncnn.DnCNN(2, width=2, depth=3, norm="Identity")
    variables = drawn(net, x)
    p = variables["params"]
    h = np.maximum(np_conv(np.maximum(np_conv(x, p["Conv_0"]), 0), p["Conv_1"]), 0)
    expected = x[..., :2] - np_conv(h, p["noise"])
    np.testing.assert_allclose(jax.jit(net.apply)(variables, x), expected, rtol=1e-4, atol=1e-4)
