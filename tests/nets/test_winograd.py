"""Fewer products, the same convolution: against direct sums in float64."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from genlab.nets.kernels import convolution_cpu, forms, winograd
from genlab.nets.kernels.convolution import (
    AXES,
    convolve,
    convolve_pooled,
    convolve_transposed,
    convolve_upsampled,
)

CASES = [
    # height and width, channels in and out, kernel, strides, padding
    ((8, 12), 3, 5, (4, 4), (2, 2), ((1, 1), (1, 1))),
    ((6, 10), 4, 3, (3, 3), (1, 1), ((1, 1), (1, 1))),
    ((6, 8), 2, 6, (3, 4), (1, 2), ((1, 1), (1, 1))),
    ((7, 8), 3, 2, (2, 3), (1, 1), ((0, 0), (0, 0))),  # two of one stride, without padding: 6
    ((12, 9), 2, 3, (6, 3), (2, 1), ((2, 2), (0, 1))),
]


def direct(x, w, strides, pads):
    """The definition: a sum over taps and channels at every output, in float64."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), *pads, (0, 0)))
    (k, m), (s, t) = w.shape[:2], strides
    h, v = (x.shape[1] - k) // s + 1, (x.shape[2] - m) // t + 1
    found = np.zeros((len(x), h, v, w.shape[3]))
    for i, j in itertools.product(range(h), range(v)):
        piece = x[:, i * s : i * s + k, j * t : j * t + m]
        found[:, i, j] = np.einsum("bijc,ijco->bo", piece, np.asarray(w, np.float64))
    return found


def drawn(size, of, to, kernel, batch=2):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(batch, *size, of)), rng.normal(size=(*kernel, of, to))
    return np.float32(x), np.float32(w / np.sqrt(np.prod(kernel) * of))


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_convolution(case):
    size, of, to, kernel, strides, pads = case
    x, w = drawn(size, of, to, kernel)
    assert winograd.fits(w.shape, strides, pads, size, x.dtype)

    @jax.jit
    def both(x, w):
        fixed = {"strides": strides, "pads": pads}
        plain = winograd.convolve(x, w, **fixed, turned=False)
        # turning twice is no turning
        return plain, winograd.convolve(x, forms.turn(w), **fixed, turned=True)

    for found in both(x, w):
        np.testing.assert_allclose(found, direct(x, w, strides, pads), atol=2e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (3, 1)])
def test_rounding_grows_by_a_small_factor(kernel, stride):
    """Of the error of direct sums in float32, here of 2,304 and 4,096 terms each."""
    x, w = drawn((8, 8), 256, 64, (kernel, kernel))
    fixed = {"strides": (stride, stride), "pads": ((1, 1), (1, 1))}
    exact = direct(x, w, **fixed)
    ours = jax.jit(functools.partial(winograd.convolve, **fixed, turned=False))(x, w)
    plain = jax.jit(
        lambda x, w: lax.conv_general_dilated(
            x, w, fixed["strides"], fixed["pads"], dimension_numbers=AXES
        )
    )(x, w)
    off = [np.sqrt(np.mean(np.square(y - exact))) for y in (ours, plain)]
    assert off[0] < 3 * off[1]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad", "dtype"),
    [
        (6, 4, 2, 1, "float32"),  # three outputs: no whole tiles
        (8, 5, 2, 2, "float32"),  # no whole strides
        (8, 4, 1, 1, "float32"),  # four strides
        (8, 4, 2, -1, "float32"),
        (8, 4, 2, 1, "bfloat16"),  # its rounding is too coarse
        (8, 4, 2, 1, "int32"),  # halves of sums are no integers
        (0, 4, 2, 1, "float32"),  # no output at all
    ],
)
def test_where_it_does_not_fit(size, kernel, stride, pad, dtype):
    shape, pads = (kernel, kernel, 32, 32), ((pad, pad), (pad, pad))
    assert not winograd.fits(shape, (stride, stride), pads, (size, size), jnp.dtype(dtype))


def products(fn, *arrays) -> int:
    """Multiplications of a compiled program on CPU, by shape: those of its products alone."""
    text = jax.jit(fn).lower(*arrays).as_text()
    assert "stablehlo.convolution" not in text
    return text.count("stablehlo.dot_general")


@pytest.fixture
def always(monkeypatch):
    """Fewer products however few the channels: tests need no wide kernels."""
    for name in ("FEWEST_FORWARD", "FEWEST_INPUT", "FEWEST_WEIGHT"):
        monkeypatch.setattr(convolution_cpu, name, {2: 1, 3: 1})
    monkeypatch.setattr(convolution_cpu, "FEWEST_TILES", {2: 1, 3: 1})


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "count"), [(256, 4, 2, 9), (96, 3, 1, 16)]
)
def test_wide_kernels_take_it_in_every_map_and_up_and_down(channels, kernel, stride, count):
    x, w = (
        jax.ShapeDtypeStruct(shape, jnp.float32)
        for shape in ((512, 4, 4, channels), (kernel, kernel, channels, channels))
    )
    strides, pads = (stride, stride), ((1, 1), (1, 1))
    by_x, by_w = (
        jax.grad(lambda x, w: convolve(x, w, strides, pads).sum(), argument) for argument in (0, 1)
    )
    assert products(lambda x, w: convolve(x, w, strides, pads), x, w) == count
    assert products(by_x, x, w) == count
    assert products(by_w, x, w) == count
    assert products(lambda x, w: convolve_transposed(x, w, strides, "SAME"), x, w) == count


@pytest.mark.parametrize(("kernel", "stride", "channels"), [(4, 2, 32), (3, 1, 96)])
def test_narrow_kernels_and_few_tiles_take_xlas(kernel, stride, channels):
    batch = 512 if channels == 32 else 31
    x, w = (
        jax.ShapeDtypeStruct(shape, jnp.float32)
        for shape in ((batch, 4, 4, channels), (kernel, kernel, channels, channels))
    )
    text = jax.jit(lambda x, w: convolve(x, w, (stride,) * 2, ((1, 1),) * 2)).lower(x, w).as_text()
    assert text.count("stablehlo.convolution") == 1 and "dot_general" not in text


def test_a_resampling_takes_products_of_the_lower_resolution_alone(always):
    x, w = drawn((8, 8), 5, 4, (3, 3))
    pads = ((1, 1), (1, 1))
    for fn in (convolve_pooled, convolve_upsampled):
        assert products(functools.partial(fn, pads=pads), x, w) == 9
        assert products(jax.grad(lambda x, w, fn=fn: fn(x, w, pads).sum()), x, w) == 9
        assert products(jax.grad(lambda w, x, fn=fn: fn(x, w, pads).sum()), w, x) == 9


def strided(x, down, up):
    """Down by half and up again, in genlab's form and in XLA's."""
    y = convolve(x, down, (2, 2), ((1, 1),) * 2)
    plain = lax.conv_general_dilated(x, down, (2, 2), ((1, 1),) * 2, dimension_numbers=AXES)
    return (
        convolve_transposed(y, up, (2, 2), "SAME"),
        lax.conv_transpose(plain, up, (2, 2), "SAME", dimension_numbers=AXES),
    )


def resampled(x, down, up):
    """The same by 3x3 kernels, pooled and doubled."""
    down, up, pads = down[:3, :3], up[:3, :3], ((1, 1), (1, 1))
    plain = functools.partial(lax.conv_general_dilated, window_strides=(1, 1), padding=pads)
    b, h, w, c = x.shape
    y = plain(x, rhs=down, dimension_numbers=AXES).reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))
    y = jnp.repeat(jnp.repeat(y, 2, 1), 2, 2)
    ours = convolve_upsampled(convolve_pooled(x, down, pads), up, pads)
    return ours, plain(y, rhs=up, dimension_numbers=AXES)


@pytest.mark.parametrize(
    "there_and_back", [strided, pytest.param(resampled, marks=pytest.mark.slow)]
)
def test_mixed_derivatives_are_those_of_xlas(there_and_back, always):
    """A gradient penalty through both kinds of kernel, down and up, and a batch of kernels."""
    x, down = drawn((8, 8), 8, 8, (4, 4))
    up = np.float32(np.random.default_rng(2).normal(size=(4, 4, 8, 8)) / 11)

    def penalty(which):
        slope = jax.grad(lambda x, *w: jnp.sin(there_and_back(x, *w)[which]).sum())
        return jax.grad(lambda *w: jnp.square(slope(x, *w)).mean(), (0, 1))

    kernels = np.stack([down, down[::-1]]), np.stack([up, up[:, ::-1]])
    found, expected = jax.jit(lambda *w: [jax.vmap(penalty(i))(*w) for i in (0, 1)])(*kernels)
    for a, b in zip(*jax.device_get((found, expected)), strict=True):
        scale = np.abs(b).max()
        np.testing.assert_allclose(a / scale, b / scale, atol=1e-5)
