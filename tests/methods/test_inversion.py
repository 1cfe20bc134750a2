"""An encoder that inverts a generator: its loss by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import spec
from genlab.config import ConfigError, build
from genlab.methods import InversionEncoder
from genlab.nets import Encoder, Generator, mlp, style


def method(space="w", latent=6, up=None):
    """Fresh networks: whose weights they are does not matter here."""
    up = up or spec(style.Up, tiny.SHAPE, width=2, style=6, depth=1)
    net = spec(Encoder, spec(mlp.Down, (8,)), latent=latent)
    return build(spec(InversionEncoder, spec(Generator, up, embed=0), net, 5, space, 0.25))


@pytest.fixture(scope="module")
def made():
    """(the method, its params, its stats, images)."""
    found, x = method(), random.uniform(random.key(1), (6, *tiny.SHAPE), minval=-1.0)
    return found, *jax.jit(found.init)(random.key(0), {"image": x}), x


def test_the_loss_is_of_pictures_made_again_and_latents_found_again(made):
    found, params, stats, x = made
    key = random.key(7)
    loss, (_, metrics) = jax.jit(found.loss)(params, stats, {"image": x}, key, 0)
    z = random.normal(random.fold_in(key, 108), (6, 5))
    net, generator = (
        (lambda v: found.encoder.apply({"params": params["encoder"]}, v)[0]),
        {"params": params["gen"]},
    )
    w = found.generator.apply(generator, z, method="mapping")
    samples = found.generator.apply(generator, w, method="synthesis")
    again = found.generator.apply(generator, net(x), method="synthesis")
    reconstruction = jnp.square(again - x).mean()
    recovery = jnp.square(net(samples) - w).mean()
    np.testing.assert_allclose(metrics["reconstruction"], reconstruction, rtol=1e-4)
    np.testing.assert_allclose(metrics["recovery"], recovery, rtol=1e-4)
    np.testing.assert_allclose(loss, reconstruction + 0.25 * recovery, rtol=1e-4)


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
