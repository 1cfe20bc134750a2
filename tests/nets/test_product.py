"""Kernels that keep their float32 under layers in bfloat16: the products are those of the narrow
dtype, the kernel's gradient is summed in its own.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random

from genlab.nets.kernels import convolution, product
from genlab.nets.kernels.convolution import Conv, ConvTranspose, PooledConv, UpsampledConv
from genlab.nets.kernels.product import Dense

AXES = ("NHWC", "HWIO", "NHWC")


def whole(seed, *shape):
    """Numbers of which sums of products are exact in either dtype."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


@pytest.mark.parametrize("batched", [False, True])
def test_the_three_maps_of_a_product_are_one_another_s_derivatives(batched):
    def ours(x, w):
        return product._forward.bind(x, w)

    def derivatives(fn, x, w):
        wave = lambda x, w: jnp.sin(fn(x, w)).sum()  # noqa: E731
        by_x, by_w = jax.grad(wave), jax.grad(wave, 1)
        return (
            fn(x, w), by_x(x, w), by_w(x, w),
            jax.grad(lambda w: jnp.square(by_x(x, w)).sum())(w),
            jax.grad(lambda x: jnp.square(by_w(x, w)).sum())(x),
            jax.jvp(by_w, (x, w), (x + 1, w - 1))[1],
        )  # fmt: skip

    x, w = whole(0, 2, 3, 4, 5) / 4, whole(1, 5, 6) / 4
    both = [lambda x, fn=fn: derivatives(fn, x, w) for fn in (ours, jnp.matmul)]
    found, expected = jax.jit(lambda: [jax.vmap(f)(x) if batched else f(x) for f in both])()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_wide_gradient_of_a_convolution_s_kernel_is_exact():
    """Of every form: strides that leave rows over, a pooled map, a turned kernel."""
    shapes = [(8, 4, 2), (7, 5, 2), (6, 3, 1), (7, 2, 3)]
    cases = {}
    for size, kernel, stride in shapes:
        around = lax.padtype_to_pads((size,) * 2, (kernel,) * 2, (stride,) * 2, "SAME")
        fixed = {"strides": (stride,) * 2, "pads": tuple(around), "pooled": False}
        for turned in (False, True):
            cases[size, kernel, stride, turned, False] = {**fixed, "turned": turned}
    cases[6, 3, 1, False, True] = {**cases[6, 3, 1, False, False], "pooled": True}

    def pair(size, kernel, fixed):
        x, w = whole(0, 2, size, size, 3), whole(1, kernel, kernel, 3, 4)
        w = w.swapaxes(2, 3) if fixed["turned"] else w
        y = jax.eval_shape(lambda: convolution._forward_native(x, w, **fixed))
        y = whole(2, *y.shape)
        given = {"kernel": (kernel, kernel), "dtype": "float32", **fixed}
        narrow = jnp.bfloat16(x), jnp.bfloat16(y)
        return [convolution._into_weight_native(*a, **given) for a in (narrow, (x, y))]

    found = jax.jit(
        lambda: {name: pair(*name[:2], fixed) for name, fixed in cases.items()}
    )()  # fmt: skip
    for name, (wide, plain) in found.items():
        assert wide.dtype == plain.dtype == jnp.float32
        np.testing.assert_array_equal(wide, plain, err_msg=str(name))


@pytest.mark.parametrize("platform", ["tpu", "cuda", "rocm"])
@pytest.mark.parametrize(
    "layer", [Conv, PooledConv, UpsampledConv, ConvTranspose, Dense], ids=lambda one: str(one)[:60]
)
def test_for_an_accelerator_products_are_bfloat16_and_the_kernels_gradient_float32(layer, platform):
    """Of a convolution on a GPU it is float32 once it is made: asked for at once, XLA would convert
    the images.
    """
    settings = {} if layer is Dense else {"kernel_size": (3, 3)}
    net = layer(features=6, dtype="bfloat16", **settings)
    x = jnp.zeros((2, 8, 8, 5))
    params = jax.eval_shape(net.init, random.key(0), x)

    def loss(params, x):
        return net.apply(params, x).astype(jnp.float32).sum()

    traced = jax.jit(jax.grad(loss, (0, 1))).trace(params, x)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    found = re.findall(r"= stablehlo\.(?:dot_general|convolution).* : \((.*)\) -> (.*) ?", text)
    made = [re.search(r"x(bf16|f32)>", after)[1] for _, after in found]
    assert found and all("f32" not in before.replace("bf16", "") for before, _ in found)
    wide = int(platform == "tpu" or layer is Dense)
    assert sorted(made) == ["bf16"] * (len(made) - wide) + ["f32"] * wide
    kernel = jax.eval_shape(jax.grad(loss), params, x)["params"]["kernel"]
    assert kernel.dtype == jnp.float32
    kept = net.apply(jax.tree.map(lambda p: jnp.ones(p.shape, p.dtype), params), x)
    assert kept.dtype == jnp.bfloat16


def test_on_a_gpu_gradients_of_several_kernels_at_once_are_of_bfloat16_images():
    """Under `vmap`, where each has a kernel of its own."""
    x, w = jnp.zeros((3, 2, 8, 8, 5), jnp.bfloat16), jnp.zeros((3, 3, 3, 5, 6))
    gradient = jax.vmap(jax.grad(lambda w, x: convolution.convolve(x, w).astype(jnp.float32).sum()))
    text = jax.jit(gradient).trace(w, x).lower(lowering_platforms=("cuda",)).as_text()
    found = re.findall(r"= stablehlo\.convolution.* : \((.*)\) -> (.*) ?", text)
    assert found and all("f32" not in "".join(one) for one in found)
    assert jax.eval_shape(gradient, w, x).dtype == jnp.float32
