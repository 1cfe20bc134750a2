"""The two-stage VAE, on a first stage that is linear and known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import spec
from genlab.config import ConfigError, build
from genlab.losses import likelihood
from genlab.losses.divergence import gaussian_kl, gaussian_log_prob
from genlab.methods import VAE, TwoStageVAE
from genlab.nets import Decoder, Encoder, Frozen, WithScale, mlp


def method(second=likelihood.learned_gaussian):
    """Fresh networks: which weights the first stage has does not matter here."""
    first = tiny.vae().method
    encoder = spec(Encoder, spec(mlp.Down, (8,)), latent=3)
    decoder = spec(WithScale, spec(Decoder, spec(mlp.Up, (4,), (8,))))
    stage = spec(VAE, encoder, decoder, spec(second))
    return build(spec(TwoStageVAE, first.encoder, first.decoder, first.likelihood, stage))


@pytest.fixture(scope="module")
def made():
    """(the method, its params, its stats, images)."""
    found, x = method(), np.float32(np.random.default_rng(1).uniform(-1, 1, (6, *tiny.SHAPE)))
    return found, *jax.device_get(jax.jit(found.init)(random.key(0), {"image": x})), x


def test_the_loss_is_minus_the_elbo_of_sampled_codes(made):
    found, params, stats, x = made
    key = random.key(7)

    @jax.jit
    def both(params, stats):
        loss, (_, metrics) = found.loss(params, stats, {"image": x}, key, 0)
        held = {"params": params["first_encoder"], **stats["first_encoder"]}
        mean, log_variance = found.first_encoder.apply(held, x, None, train=False)
        noise = random.normal(random.fold_in(key, 107), mean.shape)
        z = mean + jnp.exp(log_variance / 2) * noise
        second = found.second
        u_mean, u_log_variance = second.encoder.apply({"params": params["encoder"]}, z, None)
        u = u_mean + jnp.exp(u_log_variance / 2) * random.normal(key, u_mean.shape)
        back = second.decoder.net.apply({"params": params["decoder"]["net"]}, u, None)
        log_p = gaussian_log_prob(z, back, 2 * params["decoder"]["log_scale"])
        return loss, metrics, (gaussian_kl(u_mean, u_log_variance) - log_p).mean()

    loss, metrics, expected = both(params, stats)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert set(metrics) == {"loss", "distortion", "kl"}


def test_samples_are_the_first_decoder_of_codes_with_the_learned_noise(made):
    found, params, stats, _ = made
    z = jax.jit(lambda: found.latents(random.key(3), 5))()
    assert z.shape == (5, 3 + 4)
    scaled = {**params, "decoder": {**params["decoder"], "log_scale": np.float32(-0.5)}}

    @jax.jit
    def both(params):
        net, first = params["decoder"]["net"], params["first_decoder"]
        code = found.second.decoder.net.apply({"params": net}, z[:, :3], None)
        code = code + np.exp(-0.5) * z[:, 3:]
        theta = found.first_decoder.apply({"params": first}, code, None)
        return found.generate(params, stats, z), found.likelihood.mean(theta)

    np.testing.assert_allclose(*both(scaled), atol=1e-5)


def test_only_the_second_stage_is_trained(made):
    found, params, *_ = made
    assert found.players()["vae"].owns == ("encoder", "decoder")
    assert set(params) == set(found.networks)


def test_codes_come_down_and_up_again(made):
    found, params, stats, x = made
    assert jax.eval_shape(found.encode, params, stats, x).shape == (6, 3)
    assert jax.eval_shape(found.reconstruct, params, stats, x).shape == x.shape


def test_a_second_stage_without_a_scale_is_refused():
    for other in (likelihood.bernoulli, likelihood.learned_laplace):
        with pytest.raises(ConfigError, match=r"likelihood\.learned_gaussian"):
            method(other)


def test_a_first_stage_that_is_more_than_a_gaussian_is_refused():
    whole = method()
    of_run = lambda **known: Frozen(whole.first_decoder, "a run", **known)  # noqa: E731
    for known, says in (
        ({"networks": ("encoder", "decoder", "flow")}, r"methods.ExPost\(flow"),
        ({"networks": ("decoder",), "given": ("label",)}, r"set second.given=\('label',\)"),
    ):
        with pytest.raises(ConfigError, match=says):
            dataclasses.replace(whole, first_decoder=of_run(**known))
    numbers = whole.first_encoder.clone(numbers=14)
    with pytest.raises(ConfigError, match="no mean and log-variance"):
        jax.eval_shape(
            dataclasses.replace(whole, first_encoder=numbers).init,
            random.key(0),
            {"image": jnp.zeros((2, *tiny.SHAPE))},
        )
