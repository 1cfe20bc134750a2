"""The VAE against the one case that is known in full: the linear VAE is probabilistic PCA (Lucas et
al. 2019).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from jax import lax, random

from genlab.config import ConfigError, build, override, spec
from genlab.data import digits
from genlab.game.abilities import HasLogWeight, require
from genlab.losses import bounds, likelihood
from genlab.methods import VAE
from genlab.metrics.bound import importance_weighted
from genlab.nets import Decoder, Encoder, flows, mlp

LATENT = 5


@pytest.fixture(scope="module")
def linear():
    """(method, params, x, log p(x)): decoder W z + mu, encoder at the exact posterior, sigma2 at
    the optimum.

    Tipping & Bishop 1999, Eqs. 7-8: W = U (L - sigma2)^(1/2), M = W'W + sigma2, z | x ~ N(M^-1 W'(x
    - mu), sigma2 M^-1).
    """
    x = digits().read("train")["image"].reshape(997, 64) / 127.5 - 1
    x = np.delete(x, np.flatnonzero(x.std(0) == 0), axis=1)
    mu, n = x.mean(0), x.shape[1]
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    top, u = values[::-1][:LATENT], vectors[:, ::-1][:, :LATENT]
    sigma2 = values[::-1][LATENT:].mean()
    w = u * np.sqrt(top - sigma2)
    covariance = w @ w.T + sigma2 * np.eye(n)
    centred = x - mu
    log_p = -0.5 * (
        n * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
        + np.einsum("bi,ij,bj->b", centred, np.linalg.inv(covariance), centred)
    )  # fmt: skip
    project = w / top  # M = diag(top) here, since U'U = 1
    method = build(
        spec(
            VAE,
            spec(Encoder, spec(mlp.Down, ()), latent=LATENT),
            spec(Decoder, spec(mlp.Up, (n,), ())),
            spec(likelihood.gaussian, float(np.sqrt(sigma2))),
        )
    )
    posterior = {
        "kernel": np.concatenate([project, np.zeros_like(project)], axis=1),
        "bias": np.concatenate([-mu @ project, np.log(sigma2 / top)]),
    }
    params = {
        "encoder": {"posterior": posterior},
        "decoder": {"trunk": {"out": {"kernel": w.T, "bias": mu}}},
    }
    return method, params, jnp.float32(x[:200]), log_p[:200]


def test_at_the_exact_posterior_the_elbo_is_the_likelihood_of_probabilistic_pca(linear):
    method, params, x, log_p = linear
    keys = random.split(random.key(0), 400)
    elbos = jax.jit(lambda keys: lax.map(lambda key: method.elbo(params, {}, x, key), keys))
    elbo = np.mean(elbos(keys), axis=0)
    np.testing.assert_allclose(elbo.mean(), log_p.mean(), atol=0.05)


def test_and_one_importance_weight_is_enough_with_no_variance(linear):
    method, params, x, log_p = linear
    log_weight = jax.jit(lambda key: method.log_weight(params, {}, x, key))
    for seed in range(3):
        weight = log_weight(random.key(seed))
        np.testing.assert_allclose(weight, log_p, rtol=2e-4, atol=2e-2)


def test_away_from_it_elbo_is_below_iwae_is_below_the_likelihood(linear):
    method, params, x, log_p = linear
    posterior = {**params["encoder"]["posterior"]}
    posterior["bias"] = posterior["bias"] + np.r_[np.full(LATENT, 0.1), np.full(LATENT, 0.7)]
    worse = {**params, "encoder": {"posterior": posterior}}
    bounds = [
        importance_weighted(lambda k: method.log_weight(worse, {}, x, k), random.key(1), k)
        for k in (1, 8, 64, 512)
    ]
    iwae = [float(b[1].mean()) for b in bounds]
    assert float(bounds[-1][0].mean()) < iwae[1] < iwae[2] < iwae[3] < log_p.mean() + 0.05
    assert log_p.mean() - iwae[3] < 0.25 * (log_p.mean() - iwae[0])


def test_the_loss_is_minus_the_elbo_at_the_same_noise(linear):
    method, params, x, _ = linear
    key = random.key(2)
    loss, (_, seen) = method.loss(params, {}, {"image": x}, key, jnp.asarray(0))
    np.testing.assert_allclose(loss, -method.elbo(params, {}, x, key).mean(), rtol=1e-5)
    np.testing.assert_allclose(loss, seen["distortion"] + seen["kl"], rtol=1e-6)


def test_beta_weighs_the_kl_and_may_warm_up():
    for beta, step, weight in ((4.0, 0, 4.0), (spec(optax.linear_schedule, 0.0, 1.0, 10), 5, 0.5)):
        config = tiny.vae().method
        override(config, "beta", beta)
        method = build(config)
        batch = {"image": random.uniform(random.key(2), (3, *tiny.SHAPE), minval=-1)}
        params, stats = jax.jit(method.init)(random.key(0), batch)
        of = jax.jit(method.loss)
        loss, (_, seen) = of(params, stats, batch, random.key(1), jnp.asarray(step))
        assert seen["kl"] > 0.1
        np.testing.assert_allclose(loss, seen["distortion"] + weight * seen["kl"], rtol=1e-6)


def test_labels_reach_encoder_and_decoder():
    method = build(tiny.vae(given=("label",)).method)
    x = jnp.float32(np.random.default_rng(0).uniform(-1, 1, (6, *tiny.SHAPE)))
    params, stats = jax.jit(method.init)(
        random.key(0), {"image": x, "label": jnp.eye(3)[jnp.zeros(6, jnp.int32)]}
    )
    z = method.latents(random.key(1), 6)
    labels = [{"label": jnp.eye(3)[jnp.full(6, k)]} for k in (0, 1)]
    made = [method.generate(params, stats, z, label) for label in labels]
    assert not np.allclose(*made)
    elbo = jax.jit(lambda label: method.elbo(params, stats, x, random.key(2), label))
    bounds = [elbo(label) for label in labels]
    assert not np.allclose(*bounds)

    @jax.jit
    def abilities(label):
        unusual = method.score(params, stats, x, random.key(2), label)
        codes = method.encode(params, stats, x, label)
        made = method.generate(params, stats, codes, label)
        return unusual, made, method.reconstruct(params, stats, x, label)

    unusual, made, again = abilities(labels[0])
    np.testing.assert_allclose(unusual, -bounds[0], rtol=1e-6)  # another program, in float32
    np.testing.assert_allclose(made, again, rtol=1e-6)


def test_a_decoder_without_room_for_the_likelihood_is_refused():
    config = tiny.vae()
    override(config, "method.likelihood", spec(likelihood.discretised_logistic, 17))
    with pytest.raises(ConfigError, match=r"set method.decoder.trunk.shape=\(8, 8, 2\)"):
        build(config.method).init(random.key(0), {"image": jnp.zeros((2, *tiny.SHAPE))})
    override(config, "method.likelihood", spec(likelihood.logistic_mixture, 2, 17))
    with pytest.raises(ConfigError, match=r"needs 6 parameters of 1 channels.*shape=\(8, 8, 6\)"):
        build(config.method).init(random.key(0), {"image": jnp.zeros((2, *tiny.SHAPE))})


def test_with_a_bound_the_loss_is_minus_it(linear):
    """Exact at the true posterior, and there without noise; ordered away from it."""
    method, params, x, log_p = linear
    posterior = {**params["encoder"]["posterior"]}
    posterior["bias"] = posterior["bias"] + np.r_[np.full(LATENT, 0.1), np.full(LATENT, 0.7)]
    worse = {**params, "encoder": {"posterior": posterior}}

    @jax.jit
    def losses(params):
        found = []
        for bound in (bounds.elbo(8), bounds.ciwae(8), bounds.dreg(8)):
            loss = dataclasses.replace(method, bound=bound).loss
            value, (_, seen) = loss(params, {}, {"image": x}, random.key(3), jnp.asarray(0))
            found.append((value, seen["negative_bound"]))
        return found

    for loss, seen in losses(params):
        np.testing.assert_allclose(loss, seen)
        np.testing.assert_allclose(loss, -log_p.mean(), rtol=2e-4, atol=2e-2)
    elbo, mixed, iwae = (-loss for loss, _ in losses(worse))
    assert elbo < mixed < iwae < log_p.mean()


def test_a_variance_of_the_batch_gives_no_likelihood_of_an_example():
    config = tiny.vae().method
    override(config, "likelihood", spec(likelihood.optimal_gaussian))
    with pytest.raises(ConfigError, match=r"Bound needs .* best variance of each batch"):
        require(build(config), HasLogWeight, "Bound")
    require(build(tiny.vae().method), HasLogWeight, "Bound")
    override(config, "bound", spec(bounds.iwae, 5))
    with pytest.raises(ConfigError, match=r"method.bound is of the likelihood of examples"):
        build(config)


def test_divergences_are_terms_with_weights_of_their_own():
    config = tiny.vae().method
    override(config, "divergences", {
        "kl": 1.0,
        "imq_mmd": {"weight": 10.0, "scales": (1.0,)},
        "capacity": {"weight": 2.0, "nats": spec(optax.linear_schedule, 0.0, 10.0, 10)},
    })  # fmt: skip
    method = build(config)
    batch = {"image": random.uniform(random.key(2), (5, *tiny.SHAPE), minval=-1)}
    params, stats = jax.jit(method.init)(random.key(0), batch)
    loss, (_, seen) = jax.jit(method.loss)(params, stats, batch, random.key(1), jnp.asarray(5))
    assert set(seen) == {"loss", "distortion", "kl", "imq_mmd", "capacity"}
    np.testing.assert_allclose(seen["capacity"], abs(seen["kl"] - 5), rtol=1e-5)
    whole = seen["distortion"] + seen["kl"] + 10 * seen["imq_mmd"] + 2 * seen["capacity"]
    np.testing.assert_allclose(loss, whole, rtol=1e-5)
    for changed, message in (
        ({"beta": 4.0}, "divergences=dict"),
        ({"beta": 1.0, "divergences": {"imq_mdm": 1.0}}, "imq_mmd"),
        ({"bound": spec(bounds.iwae, 5)}, "leave out `beta` and `divergences`"),
    ):
        for name, value in changed.items():
            override(config, name, value)
        with pytest.raises(ConfigError, match=message):
            build(config)


def test_a_posterior_through_a_flow(linear):
    """The linear VAE's Gaussian, bent by a planar flow: its bounds are below the likelihood, and
    more latents bring them back to it.
    """
    method, params, x, log_p = linear
    flowing = dataclasses.replace(method, flow=flows.Planar(1))
    bent = {"w0": jnp.ones(LATENT), "u0": jnp.zeros(LATENT), "b0": jnp.zeros(())}

    @jax.jit
    def seen(flow):
        held = {**params, "flow": flow}
        one = flowing.log_weight(held, {}, x, random.key(1))
        bounded = dataclasses.replace(flowing, bound=bounds.iwae(64))
        batch = {"image": x}
        losses = [
            m.loss(held, {}, batch, random.key(2), jnp.asarray(0))[0] for m in (flowing, bounded)
        ]
        return one, losses, flowing.elbo(held, {}, x, random.key(1))

    one, (elbo, iwae), bound = seen(bent)
    assert elbo > -log_p.mean() + 0.01  # no longer the true posterior
    np.testing.assert_allclose(one, bound, rtol=1e-6)
    assert -elbo < -iwae < log_p.mean() + 0.05
    assert flowing.players()["vae"].owns == ("encoder", "decoder", "flow")
    for changed, message in (
        ({"divergences": {"kl": 1.0}}, "is of a Gaussian posterior"),
        ({"bound": bounds.dreg(5)}, "hold the posterior still"),
    ):
        with pytest.raises(ConfigError, match=message):
            dataclasses.replace(flowing, **changed)
