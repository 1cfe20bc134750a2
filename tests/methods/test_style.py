"""Style transfer, against NumPy in float64: features of a few numbers."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random

from genlab.config import ConfigError, build, spec
from genlab.editing.style import Stylisation, objective, stylised
from genlab.game.abilities import Translates, can
from genlab.methods.style import AdaIN, FeedForwardStyle

KEY, ROUND, SHAPE = random.key(1), 0, (3, 4, 4, 2)
RNG = np.random.default_rng(0)
IMAGE, STYLE = RNG.uniform(-1, 1, (2, *SHAPE))
BATCH = {"image": jnp.float32(IMAGE), "style": jnp.float32(STYLE)}


class Two(nn.Module):
    """Two maps without parameters."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """A tuple."""
        return maps(x)


def maps(x):
    return x, (x**2 + x)[:, ::2, ::2]


class Scaled(nn.Module):
    """a x of what is given, or of the first argument."""

    grow: bool = False

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        """A map."""
        a = self.param("a", nn.initializers.constant(0.5), ())
        x = a * (cond["x"] if cond else x)
        return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2) if self.grow else x


def gram(x):
    flat = x.reshape(3, -1, x.shape[-1])
    return np.einsum("bpi,bpj->bij", flat, flat) / flat[0].size


def squares(a, b):
    return ((a - b) ** 2).reshape(3, -1)


def test_johnson_is_its_equations():
    config = spec(FeedForwardStyle, spec(Scaled), spec(Two), smoothness=0.5, layer=1)
    method = build(config)
    params, stats = method.init(KEY, BATCH)
    made = 0.5 * IMAGE
    content = squares(maps(made)[1], maps(IMAGE)[1]).mean()
    pairs = zip(maps(made), maps(STYLE), strict=True)
    style = sum(squares(gram(a), gram(b)).sum(1).mean() for a, b in pairs)
    loss, (_, seen) = jax.jit(method.loss)(params, stats, BATCH, KEY, ROUND)
    np.testing.assert_allclose(seen["content"], content, rtol=1e-5)
    np.testing.assert_allclose(seen["style"], style, rtol=1e-5)
    expected = content + 5 * style + 0.5 * float(seen["smoothness"])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert can(method, Translates) and method.players()["gen"].owns == ("gen",)
    np.testing.assert_allclose(method.translate(params, stats, BATCH["image"]), made, rtol=1e-5)


def moments(x):
    return x.mean((1, 2)), np.sqrt(x.var((1, 2)) + 1e-5)


def test_adain_is_its_equations():
    method = build(spec(AdaIN, spec(Two), spec(Scaled, True)))
    params, stats = method.init(KEY, BATCH)
    (mean, deviation), (new_mean, new_deviation) = (
        [y[:, None, None] for y in moments(maps(x)[1])] for x in (IMAGE, STYLE)
    )
    t = new_deviation * (maps(IMAGE)[1] - mean) / deviation + new_mean
    made = np.tanh(np.repeat(np.repeat(0.5 * t, 2, 1), 2, 2))
    content = squares(maps(made)[1], t).mean()
    style = sum(
        ((a - b) ** 2).mean()
        for x, y in zip(maps(made), maps(STYLE), strict=True)
        for a, b in zip(moments(x), moments(y), strict=True)
    )
    loss, (_, seen) = jax.jit(method.loss)(params, stats, BATCH, KEY, ROUND)
    np.testing.assert_allclose(seen["content"], content, rtol=1e-4)
    np.testing.assert_allclose(seen["style"], style, rtol=1e-4)
    np.testing.assert_allclose(loss, content + 10 * style, rtol=1e-4)
    to = {"style": BATCH["style"]}
    answer = method.translate(params, stats, BATCH["image"], to)
    np.testing.assert_allclose(answer, made, rtol=1e-4)
    own = method.translate(params, stats, BATCH["image"], to, strength=0.0)
    again = np.tanh(np.repeat(np.repeat(0.5 * maps(IMAGE)[1], 2, 1), 2, 2))
    np.testing.assert_allclose(own, again, rtol=1e-4, atol=1e-6)


def test_pixels_are_optimised_until_content_and_style_are_those_asked_for():
    """By content alone the picture itself is found; with style, both losses are weighed."""
    noise = jnp.float32(RNG.uniform(-1, 1, SHAPE))
    settings = Stylisation(content=1.0, style=0.0, layer=0, steps=6)
    found = jax.jit(lambda y: stylised(*BATCH.values(), maps, settings, y))(noise)
    np.testing.assert_allclose(found.pictures, IMAGE, atol=1e-3)
    assert (found.content < 1e-6).all() and found.style.shape == (3,)


def test_what_pixels_are_optimised_for_is_the_sum_of_three_terms():
    settings = Stylisation(content=2.0, style=30.0, smoothness=0.5, layer=-1)
    made = IMAGE[::-1].copy()
    content = squares(maps(made)[1], maps(IMAGE)[1]).mean(1)
    pairs = zip(maps(made), maps(STYLE), strict=True)
    style = sum(squares(gram(a), gram(b)).sum(1) for a, b in pairs)
    smooth = sum(np.abs(np.diff(made, axis=i)).reshape(3, -1).mean(1) for i in (1, 2))
    found = jax.jit(lambda y: objective(y, *BATCH.values(), maps, settings))(jnp.float32(made))
    np.testing.assert_allclose(found, 2 * content + 30 * style + 0.5 * smooth, rtol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="tuple of maps"):
        jax.eval_shape(
            build(spec(FeedForwardStyle, spec(Scaled), spec(Two), layer=2)).init, KEY, BATCH
        )
    grey = {**BATCH, "style": BATCH["style"][..., :1]}
    for method in (
        spec(AdaIN, spec(Two), spec(Scaled)),
        spec(FeedForwardStyle, spec(Scaled), spec(Two)),
    ):
        with pytest.raises(ConfigError, match="'image' has 2, 'style' has 1"):
            jax.eval_shape(build(method).init, KEY, grey)
    with pytest.raises(ConfigError, match=r"AdaIN\.decoder makes"):
        jax.eval_shape(build(spec(AdaIN, spec(Two), spec(Scaled))).init, KEY, BATCH)
    with pytest.raises(ConfigError, match="1 or more steps"):
        Stylisation(steps=0)
