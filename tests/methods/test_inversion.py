"""An encoder that inverts a generator: its loss by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import spec
from genlab.config import ConfigError, build
from genlab.data import digits
from genlab.editing.inversion import Optimisation
from genlab.methods import InversionEncoder
from genlab.nets import Encoder, Frozen, Generator, mlp, style
from genlab.runs import ingredients
from genlab.sampling.editor import Editor


def method(space="w", latent=6, up=None):
    """Fresh networks: whose weights they are does not matter here."""
    up = up or spec(style.Up, tiny.SHAPE, width=2, style=6, depth=1)
    net = spec(Encoder, spec(mlp.Down, (8,)), latent=latent)
    return build(spec(InversionEncoder, spec(Generator, up, embed=0), net, 5, space, 0.25))


@pytest.fixture(scope="module")
def made():
    """(the method, its params, its stats, images)."""
    found = method()
    x = np.float32(np.random.default_rng(1).uniform(-1, 1, (6, *tiny.SHAPE)))
    params = tiny.parameters(lambda key: found.init(key, {"image": x})[0], scale=0.3)
    stats = jax.eval_shape(found.init, random.key(0), {"image": x})[1]
    assert not jax.tree.leaves(stats)
    return found, params, stats, x


def test_the_loss_is_of_pictures_made_again_and_latents_found_again(made):
    found, params, stats, x = made
    key = random.key(7)

    @jax.jit
    def both():
        z = random.normal(random.fold_in(key, 108), (6, 5))
        net, generator = (
            (lambda v: found.encoder.apply({"params": params["encoder"]}, v)[0]),
            {"params": params["gen"]},
        )
        w = found.generator.apply(generator, z, method="mapping")
        samples = found.generator.apply(generator, w, method="synthesis")
        again = found.generator.apply(generator, net(x), method="synthesis")
        parts = jnp.square(again - x).mean(), jnp.square(net(samples) - w).mean()
        return parts, found.loss(params, stats, {"image": x}, key, 0)

    (reconstruction, recovery), (loss, (_, metrics)) = both()
    np.testing.assert_allclose(metrics["reconstruction"], reconstruction, rtol=1e-4)
    np.testing.assert_allclose(metrics["recovery"], recovery, rtol=1e-4)
    np.testing.assert_allclose(loss, reconstruction + 0.25 * recovery, rtol=1e-4)


def test_its_answer_is_where_an_optimisation_in_its_space_starts(made):
    found, params, stats, x = made
    editor = Editor(found, digits(), params, stats)
    answer = editor.invert(x, space="w", settings=Optimisation(steps=0))
    code, again = jax.jit(
        lambda: (found.encode(params, stats, x), found.reconstruct(params, stats, x))
    )()
    np.testing.assert_allclose(answer.latents, code, atol=1e-6)
    np.testing.assert_allclose(answer.examples / 127.5 - 1, np.clip(again, -1, 1), atol=1 / 127)
    hybrid = editor.invert(x, space="w", settings=Optimisation(steps=5))
    assert (hybrid.loss <= answer.loss).all() and (hybrid.loss < answer.loss).any()


def test_a_frozen_generator_has_its_two_halves(made):
    """As `spec(trained, ...)` gives it: the weights are of a collection that nobody trains."""
    found, params, *_ = made
    ingredients.HELD["of a test"] = {"params": params["gen"]}
    frozen = dataclasses.replace(found, generator=Frozen(found.generator, "of a test"))
    x, key = np.zeros((2, *tiny.SHAPE), np.float32), random.key(0)
    own, stats = jax.jit(frozen.init)(key, {"image": x})
    assert not jax.tree.leaves(own["gen"]) and "frozen" in stats["gen"]

    @jax.jit
    def halves(own, stats, params):
        z = found.latents(key, 2)
        w = found.mapping(params, {}, z)
        yours = (w, found.synthesis(params, {}, w), found.generate(params, {}, z))
        return yours, (
            frozen.mapping(own, stats, z),
            frozen.synthesis(own, stats, w),
            frozen.generate(own, stats, z),
        )

    for one, other in zip(*halves(own, stats, params), strict=True):
        np.testing.assert_array_equal(other, one)


def test_only_the_encoder_is_trained(made):
    found, params, *_ = made
    assert found.players()["encoder"].owns == ("encoder",)
    assert set(params) == set(found.networks) == {"gen", "encoder"}


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="one of"):
        method("v")
    with pytest.raises(ConfigError, match=r"nets\.style\.Up has"):
        method("w", up=spec(mlp.Up, tiny.SHAPE, (4,)))
    for space, size in (("w", 6), ("z", 5)):
        with pytest.raises(ConfigError, match=rf"method\.encoder\.latent={size}"):
            jax.eval_shape(
                method(space, 3).init, random.key(0), {"image": jnp.zeros((2, *tiny.SHAPE))}
            )
