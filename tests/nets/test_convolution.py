"""The three maps of a convolution are XLA's own, whatever form they take, and so are all their
derivatives.
"""

import functools
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import drawn
from jax import lax, random

from genlab.nets.kernels import forms
from genlab.nets.kernels.convolution import (
    AXES,
    Conv,
    ConvTranspose,
    PooledConv,
    UpsampledConv,
    convolve,
    convolve_pooled,
    convolve_transposed,
    convolve_upsampled,
)

SHAPES = [
    # size, channels in and out, kernel, stride: one for each form of each map
    (8, 3, 6, 4, 2),  # whole strides from an image
    (8, 6, 5, 4, 2),  # whole strides
    (7, 6, 5, 5, 2),  # no whole strides, an odd side
    (6, 5, 3, 3, 1),  # to an image
    (6, 3, 5, 3, 1),  # from an image
    (5, 4, 6, 1, 1),
    (7, 2, 3, 2, 3),  # strides longer than the kernel
]


def normal(seed, *shape):
    return np.float32(np.random.default_rng(seed).normal(size=shape))


def arrays(size, of, to, kernel, stride):
    return normal(0, 2, size, size, of), normal(1, kernel, kernel, of, to) / np.float32(kernel)


def pads(size, kernel, stride, padding="SAME"):
    found = lax.padtype_to_pads((size, size), (kernel, kernel), (stride, stride), padding)
    return tuple((int(a), int(b)) for a, b in found)


def wave(fn):
    return lambda x, w: jnp.sin(fn(x, w)).sum()


def derivatives(fn, x, w):
    """The value, first derivatives, those of gradient penalties on either, and a forward-mode
    derivative of a reverse-mode one.
    """
    by_input, by_weight = jax.grad(wave(fn)), jax.grad(wave(fn), 1)
    return {
        "value": fn(x, w),
        "input": by_input(x, w),
        "weight": by_weight(x, w),
        "penalty": jax.grad(lambda w: jnp.square(by_input(x, w)).sum())(w),
        "penalty of weights": jax.grad(lambda x: jnp.square(by_weight(x, w)).sum())(x),
        "forward of reverse": jax.jvp(by_weight, (x, w), (x + 1, w - 1))[1],
    }


def assert_alike(ours, theirs):
    ours, theirs = jax.device_get((ours, theirs))
    for name, value in theirs.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(ours[name] / scale, value / scale, atol=3e-6, err_msg=name)


NARROW = [(6, 5, 7, 3, 1), (6, 7, 5, 2, 1)]  # few channels in or out
FEW_POSITIONS = [(4, 6, 17, 4, 2), (3, 5, 40, 3, 1), (2, 5, 6, 4, 2), (3, 6, 32, 3, 2)]
TO_ONE = 6, 5, 1, 3, 1  # to one channel: as many columns of a product as the kernel has taps
WIDE_TO, WIDE_FROM = (8, 5, 3, 7, 1), (8, 3, 5, 7, 1)  # to and from an image, by wide kernels


@pytest.mark.parametrize(
    "shape, padding",
    [
        *((shape, "SAME") for shape in (*SHAPES, *NARROW, *FEW_POSITIONS, TO_ONE)),
        *((shape, "VALID") for shape in (*NARROW, FEW_POSITIONS[1], TO_ONE)),
        *((shape, padding) for shape in (WIDE_TO, WIDE_FROM) for padding in ("SAME", "VALID")),
    ],
)
def test_convolution_and_its_derivatives_are_xlas(shape, padding):
    size, _, _, kernel, stride = shape
    around = pads(size, kernel, stride, padding)

    def ours(x, w):
        return convolve(x, w, (stride, stride), around)

    def theirs(x, w):
        return lax.conv_general_dilated(x, w, (stride, stride), around, dimension_numbers=AXES)

    x, w = arrays(*shape)
    both = jax.jit(lambda: (derivatives(ours, x, w), derivatives(theirs, x, w)))
    assert_alike(*both())


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("groups, to, kernel, stride", [(4, 4, 5, 1), (4, 4, 3, 2), (2, 6, 3, 1)])
def test_groups_are_xlas(groups, to, kernel, stride, padding):
    """And no convolution in groups on CPU, whose gradient takes seconds in a loop."""
    size = 7
    x, w = arrays(size, 4, to, kernel, stride)
    fixed = {"feature_group_count": groups, "use_bias": False, "padding": padding}
    layer = Conv(to, (kernel,) * 2, (stride,) * 2, **fixed)

    def theirs(x, w):
        around = pads(size, kernel, stride, padding)
        return lax.conv_general_dilated(
            x, w, (stride,) * 2, around, dimension_numbers=AXES, feature_group_count=groups
        )

    ours = lambda x, w: layer.apply({"params": {"kernel": w}}, x)  # noqa: E731
    w = w[:, :, : 4 // groups]
    both = jax.jit(lambda: (derivatives(ours, x, w), derivatives(theirs, x, w)))
    assert_alike(*both())
    written = jax.jit(jax.grad(wave(ours), 1)).lower(x, w).as_text()
    assert not re.search(r"group_count = ([2-9]|\d\d)", written)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_weights_to_a_large_image_are_xlas(monkeypatch, padding):
    monkeypatch.setattr(forms, "CACHED", 0)
    test_convolution_and_its_derivatives_are_xlas(WIDE_TO, padding)


@pytest.mark.parametrize("cached, images", [(1 << 22, 6), (0, 3), (0, 1)])
@pytest.mark.parametrize("of, to", [(5, 7), (7, 5)])
def test_many_images_are_taken_a_few_at_a_time(monkeypatch, cached, images, of, to):
    """And all at once where they fit."""
    numbers = 3 * 4 * 6 * 7  # neighbours, rows, and columns of the map that has them
    monkeypatch.setattr(forms, "CACHED", cached)
    monkeypatch.setattr(forms, "PIECE", 5 * numbers if images == 3 else 0)
    assert forms.images_at_a_time(6, numbers) == images
    x, y = normal(0, 6, 6, 6, of), normal(1, 6, 4, 4, to)
    w = jax.ShapeDtypeStruct((3, 3, of, to), jnp.float32)
    theirs = jax.linear_transpose(functools.partial(xlas, x, pads=((0, 0),) * 2), w)(y)[0]
    ours = jax.jit(lambda x, y: forms.products_of_neighbours(x, y, ((0, 0),) * 2, (3, 3)))
    assert_alike({"weight": ours(x, y)}, {"weight": theirs})


@pytest.mark.parametrize("turned", [False, True])
def test_a_kernel_that_outweighs_what_it_sees_is_multiplied_as_it_lies(turned):
    """No convolution, and the kernel is not turned in memory."""
    large, small = normal(0, 2, 4, 4, 6), normal(1, 2, 2, 2, 17)
    w = normal(2, 4, 4, *((17, 6) if turned else (6, 17)))
    if turned:
        fn, x = (lambda x, w: convolve_transposed(x, w, (2, 2), "SAME")), small
    else:
        fn, x = (lambda x, w: convolve(x, w, (2, 2), ((1, 1),) * 2)), large
    text = jax.jit(jax.grad(wave(fn), (0, 1))).lower(x, w).as_text()
    assert "stablehlo.convolution" not in text and "dot_general" in text
    assert not re.search(r"stablehlo.transpose [^\n]*: \(tensor<4x4x", text)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    "shape", [SHAPES[1], SHAPES[2], SHAPES[3], SHAPES[6], (2, 17, 6, 4, 2), (1, 5, 6, 4, 1)]
)
def test_transposed_convolution_and_its_gradients_are_xlas(shape, padding):
    stride = shape[-1]

    def ours(x, w):
        return convolve_transposed(x, w, (stride, stride), padding)

    def theirs(x, w):
        return lax.conv_transpose(x, w, (stride, stride), padding, dimension_numbers=AXES)

    def found(fn):
        return {"value": fn(x, w), "x": jax.grad(wave(fn))(x, w), "w": jax.grad(wave(fn), 1)(x, w)}

    x, w = arrays(*shape)
    assert_alike(*jax.jit(lambda: (found(ours), found(theirs)))())


def pooled(y):
    b, h, w, c = y.shape
    return y.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def doubled(x):
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


RESAMPLED = {  # convolutions that are one with a resampling: what they are
    convolve_pooled: lambda x, w, **fixed: pooled(xlas(x, w, **fixed)),
    convolve_upsampled: lambda x, w, **fixed: xlas(doubled(x), w, **fixed),
}


def xlas(x, w, pads, strides=(1, 1)):
    return lax.conv_general_dilated(x, w, strides, pads, dimension_numbers=AXES)


@pytest.mark.parametrize("ours", RESAMPLED, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize(
    ("shape", "around"),
    [
        ((6, 5, 4, 3, 1), ((1, 1), (1, 1))),
        ((7, 3, 4, 2, 1), ((0, 0), (1, 1))),  # from an image; 6 rows, 8 columns to be pooled
    ],
)
def test_one_with_its_resampling_and_so_are_its_derivatives(ours, shape, around):
    x, w = arrays(*shape)
    alike = functools.partial(ours, pads=around), functools.partial(RESAMPLED[ours], pads=around)
    both = jax.jit(lambda: [derivatives(fn, x, w) for fn in alike])
    assert_alike(*both())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(PooledConv, lambda x, conv: pooled(conv(x))), (UpsampledConv, lambda x, c: c(doubled(x)))],
    ids=["pooled", "upsampled"],
)
@pytest.mark.parametrize(
    "settings", [{}, {"strides": 2}, {"feature_group_count": 2, "dtype": "bfloat16"}]
)
def test_layers_with_a_resampling_are_flaxs(ours, theirs, settings):
    x = normal(0, 2, 4, 4, 4)
    made, conv = ours(6, (3, 3), **settings), nn.Conv(6, (3, 3), **settings)
    variables = drawn(conv, x)

    @jax.jit
    def both():
        return theirs(x, lambda x: conv.apply(variables, x)), made.apply(variables, x)

    expected, found = both()
    np.testing.assert_allclose(found, expected, atol=2e-2 if "dtype" in settings else 2e-6)


def test_half_precision_loses_nothing_to_a_resampling():
    """Sums of taps would be rounded: both steps are taken."""
    x, w = (a.astype("bfloat16") for a in arrays(6, 5, 4, 3, 1))
    for both in RESAMPLED.items():
        found, expected = (
            jax.jit(functools.partial(fn, pads=((1, 1), (1, 1))))(x, w) for fn in both
        )
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "around"),
    [
        ((8, 6), 4, 2, ((1, 1), (1, 1))),
        ((7, 8), 4, 2, ((0, 1), (2, 2))),
        ((9, 7), 6, 3, ((3, 0), (2, 3))),
        ((6, 8), 2, 2, ((0, 0), (0, 0))),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_maps_are_doubled_by_blocks_and_large_ones_phase_by_phase(
    monkeypatch, size, kernel, stride, around, large
):
    if large:
        monkeypatch.setattr(forms, "CACHED", 0)
    x, w = normal(0, 2, *size, 5), normal(1, kernel, kernel, 5, 4) / np.float32(kernel)
    back = [
        jax.jit(lambda x, y, fn=fn: jax.vjp(lambda x: fn(x, w, around, (stride,) * 2), x)[1](y)[0])
        for fn in (lambda x, w, pads, strides: convolve(x, w, strides, pads), xlas)
    ]
    y = normal(2, *jax.eval_shape(lambda: xlas(x, w, around, (stride,) * 2)).shape)
    text = back[0].lower(x, y).as_text()
    count = stride**2 if large else 1
    assert text.count("stablehlo.convolution") == count and "dot_general" not in text
    np.testing.assert_allclose(back[0](x, y), back[1](x, y), atol=3e-6)


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0), (1, None)])
def test_batched_once_more(axes):
    x, w = normal(2, 3, 3, 6, 6, 2), normal(3, 3, 3, 3, 2, 5)
    given = x if axes[0] is not None else x[0], w if axes[1] is not None else w[0]

    def ours(x, w):
        return convolve(x, w, (2, 2), ((0, 1), (0, 1)))

    def theirs(x, w):
        return lax.conv_general_dilated(x, w, (2, 2), ((0, 1), (0, 1)), dimension_numbers=AXES)

    def found(fn):
        kinds = {"value": fn, "x": jax.grad(wave(fn)), "w": jax.grad(wave(fn), 1)}
        return {name: jax.vmap(kind, axes)(*given) for name, kind in kinds.items()}

    assert_alike(*jax.jit(lambda: (found(ours), found(theirs)))())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)], ids=["down", "up"]
)
def test_layers_are_flaxs(ours, theirs, dtype):
    x = normal(0, 2, 4, 4, 3)
    settings = {"kernel_size": (4, 4), "strides": (2, 2), "dtype": jnp.dtype(dtype)}
    made, expected = ours(5, **settings), theirs(5, **settings)

    @jax.jit
    def both():
        variables = expected.init(random.key(1), x)
        same = made.init(random.key(1), x), variables
        return same, made.apply(variables, x), expected.apply(variables, x)

    same, y, wanted = both()
    jax.tree.map(np.testing.assert_array_equal, *same)
    assert y.dtype == dtype
    exact = 1e-6 if dtype == "float32" else 2e-2
    np.testing.assert_allclose(y, wanted, atol=exact)


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[1]])
def test_half_precision_is_no_worse_than_xlas(shape):
    """Blocks that overlap are summed in float32."""
    stride = shape[-1]

    def theirs(x, w):
        return lax.conv_transpose(x, w, (stride, stride), "SAME", dimension_numbers=AXES)

    x, w = arrays(*shape)
    low = x.astype("bfloat16"), w.astype("bfloat16")

    @jax.jit
    def made(x, w):
        return convolve_transposed(x, w, (stride, stride), "SAME"), theirs(x, w)

    exact = jax.jit(theirs)(*(a.astype("float32") for a in low))
    off = [np.square(np.float64(y) - exact).mean() for y in made(*low)]
    assert off[0] <= 1.1 * off[1]


def test_groups_and_dilation_stay_as_they_are():
    x = normal(0, 2, 6, 6, 4)
    settings = {"kernel_size": (3, 3), "feature_group_count": 2, "kernel_dilation": 2}
    variables = drawn(nn.Conv(4, **settings), x)
    both = jax.jit(lambda: [net(4, **settings).apply(variables, x) for net in (Conv, nn.Conv)])
    np.testing.assert_array_equal(*both())


def test_every_convolution_in_a_cpu_program_is_in_the_axes_of_the_fast_kernel():
    """XLA itself brings only those outside loops into this form; these are in one."""

    def body(w, _):
        return w - jax.grad(wave(lambda w, x: convolve(x, w, (1, 1), ((1, 1), (1, 1)))))(w, x), ()

    x, w = arrays(6, 8, 8, 5, 1)
    program = jax.jit(lambda w: lax.scan(body, w, None, length=2)).lower(w).as_text()
    found = [line for line in program.splitlines() if "stablehlo.convolution" in line]
    assert len(found) == 2
    assert all("[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]" in line for line in found)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("fn", [convolve, *RESAMPLED], ids=lambda fn: fn.__name__)
def test_elsewhere_it_is_one_convolution_of_xlas_with_the_kernel_as_it_is(platform, fn):
    x, w = arrays(8, 96, 96, 3, 1)  # on CPU all take fewer products
    traced = jax.jit(lambda x, w: fn(x, w, pads=((1, 1), (1, 1)))).trace(x, w)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    (line,) = [line for line in text.splitlines() if "stablehlo.convolution" in line]
    assert "dot_general" not in text
    assert "tensor<3x3x96x96xf32>" in line and "stride = [1, 1]" in line.replace(", lhs", " lhs")


def test_sharded_over_devices_as_on_one():
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x, w = arrays(8, 3, 6, 4, 2)
    spread = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.P("data")))
    gradient = jax.jit(jax.grad(wave(lambda x, w: convolve(x, w, (2, 2), ((1, 1), (1, 1)))), 1))
    np.testing.assert_allclose(gradient(spread, w), gradient(x, w), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cached", [1 << 22, 0])
@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[3], NARROW[0], FEW_POSITIONS[0]])
def test_in_double_precision_sums_are_too(monkeypatch, shape, cached):
    monkeypatch.setattr(forms, "CACHED", cached)
    size, _, _, kernel, stride = shape
    around = pads(size, kernel, stride)

    def both(x, w):
        ours = jax.grad(wave(lambda x, w: convolve(x, w, (stride,) * 2, around)), (0, 1))
        theirs = jax.grad(wave(lambda x, w: xlas(x, w, around, (stride,) * 2)), (0, 1))
        return ours(x, w), theirs(x, w)

    with jax.enable_x64(True):
        ours, theirs = jax.jit(both)(*(np.float64(a) for a in arrays(*shape)))
        for found, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_images_taken_a_few_at_a_time_stay_on_their_devices(monkeypatch):
    monkeypatch.setattr(forms, "CACHED", 0)
    monkeypatch.setattr(forms, "PIECE", 2 * 3 * 6 * 8 * 6)  # two of eight images
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x, w = normal(0, 8, 6, 6, 5), normal(1, 3, 3, 5, 6) / np.float32(3)
    spread = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.P("data")))
    gradient = jax.jit(jax.grad(wave(lambda x, w: convolve(x, w, (1, 1), ((1, 1),) * 2)), 1))
    text = gradient.lower(spread, w).compile().as_text()
    assert "while" in text and "all-reduce" in text
    assert "all-gather" not in text and "all-to-all" not in text
    np.testing.assert_allclose(gradient(spread, w), gradient(x, w), rtol=1e-4, atol=1e-5)
