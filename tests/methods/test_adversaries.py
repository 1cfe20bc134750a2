"""Adversaries of a VAE: each player's loss by hand, from the networks' outputs in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError, build, override, spec
from genlab.game.abilities import HasLikelihood, require
from genlab.losses import bounds, posterior
from genlab.methods import Comparison, adversaries
from genlab.nets import Discriminator, mlp

KEY, N, LATENT = random.key(4), 4, 4
STEP = jnp.zeros((), jnp.int32)
CRITIC = spec(Discriminator, spec(mlp.Down, (8,)))
TERMS = {
    "prior": (spec(adversaries.Prior, CRITIC, weight=3.0), {"critic", "vae"}),
    "alternating": (spec(adversaries.AlternatingPrior, CRITIC), {"vae", "critic", "encoder"}),
    "total_correlation": (spec(adversaries.TotalCorrelation, CRITIC, 5.0), {"critic", "vae"}),
    "pictures": (spec(adversaries.Pictures, CRITIC, weight=0.5), {"critic", "encoder", "decoder"}),
    "joint": (spec(adversaries.Joint, CRITIC), {"critic", "vae"}),
}


def softplus(x):
    return np.logaddexp(0, np.float64(x))


def game(name, point=True):
    """(method, params, stats, batch) with critics that are not constant."""
    config = tiny.vae().method
    config.adversary = TERMS[name][0]
    if point:
        config.posterior = spec(posterior.point)
        override(config, "encoder.numbers", LATENT)
    method = build(config)
    x = np.float32(np.random.default_rng(1).uniform(-1, 1, (N, *tiny.SHAPE)))
    params, stats = tiny.parameters(method.init, {"image": x})
    return method, params, stats, {"image": x}


def played(method, params, stats, batch):
    """Every player's loss and metrics; what the VAE makes at the same key; and the critic's logits
    of anything.
    """

    @jax.jit
    def run(params, stats, batch):
        found = {}
        for name, player in method.players().items():
            loss, (_, metrics) = player.loss(params, stats, batch, KEY, STEP)
            found[name] = loss, metrics
        seen = method.forward(params, stats, batch, KEY, STEP)
        noise = method.latents(random.fold_in(KEY, adversaries.PRIOR_LATENTS), N)
        theta = method.decoder.apply({"params": params["decoder"]}, noise)
        return found, seen._replace(stats={}), noise, method.likelihood.mean(theta)

    @jax.jit
    def critic(*x):
        return method.adversary.critic.apply({"params": params["critic"]}, *x)

    return *run(params, stats, batch), critic


@pytest.mark.parametrize("name", ["prior", "alternating"])
def test_a_critic_parts_the_prior_from_codes(name):
    """WAE-GAN: reconstruction and deception in one loss; AAE: in turns, the encoder alone."""
    method, *held = game(name)
    found, seen, noise, _, critic = played(method, *held)
    real, fake = critic(noise), critic(seen.drawn.z)
    np.testing.assert_allclose(
        found["critic"][0], (softplus(-real) + softplus(fake)).mean(), rtol=1e-5
    )
    fooled, distortion = softplus(-fake).mean(), np.mean(seen.values["distortion"])
    if name == "prior":
        np.testing.assert_allclose(found["vae"][0], distortion + 3 * fooled, rtol=1e-5)
        assert set(found["vae"][1]) == {"loss", "distortion", "adversarial"}
    else:
        np.testing.assert_allclose(found["vae"][0], distortion, rtol=1e-5)
        np.testing.assert_allclose(found["encoder"][0], fooled, rtol=1e-5)
        assert list(method.players()) == ["vae", "critic", "encoder"]
        assert method.players()["encoder"].owns == ("encoder",)


def test_factor_vae_minimises_the_mean_logit_of_a_critic_of_permuted_codes():
    method, *held = game("total_correlation", point=False)
    found, seen, *_, critic = played(method, *held)
    z = seen.drawn.z
    key = random.fold_in(KEY, adversaries.PERMUTED)
    apart = jax.jit(adversaries.permuted)(np.asarray(z)[2:], key)
    np.testing.assert_array_equal(np.sort(apart, axis=0), np.sort(z[2:], axis=0))
    parted = softplus(-critic(np.asarray(z)[:2])) + softplus(critic(apart))
    np.testing.assert_allclose(found["critic"][0], parted.mean(), rtol=1e-5)
    values = {name: np.mean(value) for name, value in seen.values.items()}
    whole = values["distortion"] + values["kl"] + 5 * np.mean(critic(z))
    np.testing.assert_allclose(found["vae"][0], whole, rtol=1e-5)


def test_dimensions_are_permuted_apart():
    z = np.stack([np.arange(64, dtype=np.float32)] * 3, axis=1)
    apart = np.asarray(jax.jit(adversaries.permuted)(z, KEY))
    np.testing.assert_array_equal(np.sort(apart, axis=0), z)
    assert (apart[:, 0] != apart[:, 1]).mean() > 0.9 and (apart[:, 1] != apart[:, 2]).mean() > 0.9


def test_vae_gan_compares_features_and_keeps_the_critic_from_the_encoder():
    method, *held = game("pictures", point=False)
    found, seen, _, of_prior, critic = played(method, *held)
    of_codes = method.likelihood.mean(seen.theta)
    params, stats, batch = held
    of = jax.jit(lambda x: adversaries.features(method.adversary.critic, params, stats, x, None))
    features = [np.float64(of(x)) for x in (batch["image"], of_codes)]
    distance = 0.5 * ((features[0] - features[1]) ** 2).sum(1).mean()
    real, fakes = critic(batch["image"]), [critic(of_codes), critic(of_prior)]
    parted = softplus(-real).mean() + np.mean([softplus(fake) for fake in fakes])
    np.testing.assert_allclose(found["critic"][0], parted, rtol=1e-5)
    kl = np.mean(seen.values["kl"])
    np.testing.assert_allclose(found["encoder"][0], distance + kl, rtol=1e-4)
    fooled = np.mean([softplus(-fake) for fake in fakes])
    np.testing.assert_allclose(found["decoder"][0], 0.5 * distance + fooled, rtol=1e-4)
    players = method.players()
    assert players["encoder"].owns == ("encoder",) and players["decoder"].owns == ("decoder",)
    assert players["encoder"].beside and players["decoder"].beside
    with pytest.raises(ConfigError, match="likelihood is not trained"):
        require(method, HasLikelihood, "Annealed")


def test_ali_parts_pairs_and_exchanges_the_labels():
    method, *held = game("joint")
    found, seen, noise, of_prior, critic = played(method, *held)
    assert method.players()["vae"].owns == ("encoder", "decoder")
    real = critic(seen.x, {"z": seen.drawn.z})
    fake = critic(of_prior, {"z": noise})
    np.testing.assert_allclose(
        found["critic"][0], (softplus(-real) + softplus(fake)).mean(), rtol=1e-5
    )
    exchanged = (softplus(real) + softplus(-fake)).mean()
    np.testing.assert_allclose(found["vae"][0], exchanged, rtol=1e-5)


def test_what_does_not_go_with_an_adversary_is_refused():
    config = tiny.vae().method
    config.adversary = TERMS["prior"][0]
    config.bound = spec(bounds.iwae, 5)
    with pytest.raises(ConfigError, match="leave out `adversary`, `regularisers`"):
        build(config)
    compared = spec(Comparison, {"l1": 1.0})
    for name, field, value in (
        ("joint", "divergences", {"kl": 2.0}), ("joint", "beta", 2.0),
        ("joint", "comparison", compared), ("pictures", "comparison", compared),
        ("pictures", "regularisers", {"squared_weights": 1.0}),
    ):  # fmt: skip
        broken = tiny.vae().method
        override(broken, "adversary", TERMS[name][0])
        override(broken, field, value)
        with pytest.raises(ConfigError, match=f"method.{field} would not be used"):
            build(broken)
    broken = tiny.vae().method
    override(broken, "adversary", spec(adversaries.Prior, CRITIC, "boundary_equilibrium"))
    with pytest.raises(ConfigError, match="has a memory"):
        build(broken)
    override(broken, "adversary", spec(adversaries.Prior, CRITIC, "f_pearson"))  # a factory
    assert set(build(broken).players()) == {"critic", "vae"}
    with pytest.raises(ConfigError, match="give the column another name"):
        adversaries._with_code({"z": np.zeros((2, 1))}, np.zeros((2, 3)))
    assert all(set(build(spec_).players(build(tiny.vae().method))) == names
               for spec_, names in TERMS.values())  # fmt: skip
