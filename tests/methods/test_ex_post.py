"""A law of a trained autoencoder's latents, fitted afterwards."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from helpers import tiny
from helpers.devices import on_devices
from jax import random

import genlab
from genlab import spec, trained
from genlab.config import ConfigError, build, override
from genlab.game.abilities import Generates, HasLikelihood, HasLogWeight, can, sampled
from genlab.losses import likelihood, posterior, spherical
from genlab.methods import ExPost
from genlab.nets import Frozen, fitted, flows, mlp, priors
from genlab.train.program import prepare

RNG = np.random.default_rng(0)
Z = np.r_[RNG.normal(size=(40, 2)) - 3, RNG.normal(size=(24, 2)) @ [[1, 0.8], [0, 0.5]] + 2]
Z = np.float32(Z)


def densities(weights, means, covariances, z):
    laws = (scipy.stats.multivariate_normal(m, c) for m, c in zip(means, covariances, strict=True))
    return np.stack([w * law.pdf(z) for w, law in zip(weights, laws, strict=True)], 1)


def moments(variables, ridge):
    held = {name: np.float64(value) for name, value in variables["mixture"].items()}
    means = held["first"] / held["share"][:, None]
    second = held["second"] / held["share"][:, None, None]
    return held["share"], means, second - means[:, :, None] * means[:, None] + ridge * np.eye(2)


def test_with_the_whole_set_as_the_batch_a_step_is_one_of_expectation_maximisation():
    net = fitted.Mixture(3, forget=0.0, ridge=1e-3)
    variables = jax.jit(net.init)(random.key(0), Z)
    step = jax.jit(lambda v: net.apply(v, Z, method="observe", mutable=["mixture"])[1])
    log_p = jax.jit(net.apply)
    found = []
    for _ in range(4):
        weights, means, covariances = moments(variables, net.ridge)
        each = densities(weights, means, covariances, np.float64(Z))
        np.testing.assert_allclose(log_p(variables, Z), np.log(each.sum(1)), rtol=1e-3)
        found.append(np.log(each.sum(1)).mean())
        shares = each / each.sum(1, keepdims=True)
        variables = step(variables)
        expected = (shares.T @ Z) / shares.sum(0)[:, None]
        np.testing.assert_allclose(variables["mixture"]["share"], shares.mean(0), rtol=1e-3)
        np.testing.assert_allclose(moments(variables, 0)[1], expected, rtol=1e-3, atol=1e-3)
    assert (np.diff(found) > -1e-3).all() and found[-1] > found[0]


def test_one_component_without_forgetting_is_the_normal_of_all_latents_seen():
    net = fitted.Mixture(1, forget=1.0, ridge=0.0)
    variables = jax.jit(net.init)(random.key(0), Z[:16])
    step = jax.jit(lambda v, z: net.apply(v, z, method="observe", mutable=["mixture"])[1])
    for batch in Z.reshape(4, 16, 2):
        variables = step(variables, batch)
    _, mean, covariance = moments(variables, 0.0)
    np.testing.assert_allclose(mean[0], Z.mean(0), rtol=1e-4)
    np.testing.assert_allclose(covariance[0], np.cov(Z.T, bias=True), rtol=1e-3)
    noise = random.normal(random.key(1), (20_000, net.noise(2)))
    drawn = jax.jit(partial(net.apply, method="draw"))(variables, noise)
    np.testing.assert_allclose(np.mean(drawn, 0), mean[0], atol=0.08)
    np.testing.assert_allclose(np.cov(np.asarray(drawn).T), covariance[0], rtol=0.05, atol=0.05)


def test_more_components_than_a_batch_has_examples_for_are_fitted_from_many_batches():
    """Batches of 64 latents of 16 numbers, of ten Gaussians: six of each in a batch."""
    rng = np.random.default_rng(1)
    means, roots = rng.normal(size=(10, 16)) * 1.5, rng.normal(size=(10, 16, 16)) * 0.4
    of, noise = rng.integers(10, size=(220, 64)), rng.normal(size=(220, 64, 16))
    z = jnp.float32(means[of] + np.einsum("abi,abji->abj", noise, roots[of]))

    def fitted_by(components):
        net = fitted.Mixture(components)

        def step(variables, batch):
            return net.apply(variables, batch, method="observe", mutable=["mixture"])[1], None

        after, _ = jax.lax.scan(step, net.init(random.key(0), z[0]), z[:200])
        return net.apply(after, z[200:].reshape(-1, 16)).mean()

    one, ten = jax.jit(lambda: (fitted_by(1), fitted_by(10)))()
    assert np.isfinite(ten) and ten > one + 5


def test_latents_that_are_all_alike_have_a_density():
    net = fitted.Mixture(2, ridge=0.0)
    same = jnp.full((8, 3), 2.0)

    @jax.jit
    def score():
        variables = net.init(random.key(0), same)
        after = net.apply(variables, same, method="observe", mutable=["mixture"])[1]
        return net.apply(after, same)

    assert np.isfinite(score()).all()


def test_two_devices_take_a_step_of_the_global_batch():
    net = fitted.Mixture(2, forget=0.5)
    variables = jax.jit(net.init)(random.key(0), Z)
    step = lambda z: net.apply(variables, z, method="observe", mutable=["mixture"])[1]  # noqa: E731
    mapped = on_devices(step)(Z.reshape(2, 32, 2))
    whole = jax.jit(step)(Z)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, rtol=1e-4), mapped, whole)


def method(law=None, **kwargs):
    first = tiny.vae().method
    law = law or spec(fitted.Mixture, 2, forget=0.0)
    return spec(ExPost, first.encoder, first.decoder, first.likelihood, law, **kwargs)


def test_the_law_is_of_the_encoders_samples_and_what_it_draws_is_decoded():
    found, x = build(method()), random.uniform(random.key(1), (6, *tiny.SHAPE), minval=-1.0)
    params, stats = jax.jit(found.init)(random.key(0), {"image": x})
    key = random.key(7)
    loss, (after, _) = jax.jit(found.loss)(params, stats, {"image": x}, key, 0)

    @jax.jit
    def parts(stats):
        """z, log p(z), the law after a step, log q(z | x) and p(x | z), without the method."""
        held = {"params": params["encoder"], **stats["encoder"]}
        mean, log_variance = found.encoder.apply(held, x, None, train=False)
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        log_p = found.law.apply(stats["law"], z)
        _, law = found.law.apply(stats["law"], z, method="observe", mutable=["mixture"])
        log_q = (z - mean) ** 2 / jnp.exp(log_variance) + log_variance + np.log(2 * np.pi)
        theta = found.decoder.apply({"params": params["decoder"]}, z)
        return log_p, law, -0.5 * log_q.sum(1), likelihood.bernoulli().log_prob(theta, x)

    log_p, expected, *_ = parts(stats)
    np.testing.assert_allclose(loss, -log_p.mean(), rtol=1e-4)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), after["law"], expected
    )
    log_p, _, log_q, likely = parts(after)
    weight = jax.jit(found.log_weight)(params, after, x, key)
    np.testing.assert_allclose(weight, likely + log_p - log_q, rtol=1e-3)

    @jax.jit
    def made_of(noise):
        drawn = found.prior_latents(params, after, noise)
        theta = found.decoder.apply({"params": params["decoder"]}, drawn)
        return drawn, theta, found.generate(params, after, drawn)

    noise = found.latents(random.key(2), 3)
    drawn, theta, made = made_of(noise)
    assert noise.shape == (3, 5) and drawn.shape == (3, 4)
    np.testing.assert_allclose(made, np.tanh(np.asarray(theta) / 2), atol=1e-5)
    assert can(found, Generates) and can(found, HasLogWeight)
    assert not can(build(method(noise=0.0)), HasLogWeight)
    loose = dataclasses.replace(found, likelihood=likelihood.compared())
    assert not can(loose, HasLogWeight) and not can(loose, HasLikelihood)


@pytest.mark.parametrize(
    "law",
    [
        pytest.param(spec(priors.Mixture, 3), marks=pytest.mark.slow),
        pytest.param(spec(priors.Vamp, tiny.SHAPE, 3), marks=pytest.mark.slow),
        pytest.param(
            spec(priors.Flow, spec(flows.InverseAutoregressive, 1, 8)), marks=pytest.mark.slow
        ),
        pytest.param(
            spec(priors.Flow, spec(flows.Inverse, spec(flows.InverseAutoregressive, 1, 8))),
            marks=pytest.mark.slow,
        ),
        spec(priors.Hierarchical, 2, 8),
    ],
    ids=["mixture", "vamp", "maf", "iaf", "hierarchical"],
)
def test_every_prior_is_a_law_and_its_noise_becomes_latents(law):
    """Traced; their densities are tested as priors."""
    prepare(tiny.experiment(method(law), ("law",)))
    found, x = build(method(law)), jnp.zeros((4, *tiny.SHAPE))

    def drawn(key):
        params, stats = found.init(key, {"image": x})
        noise = found.latents(key, 5)
        z = found.prior_latents(params, stats, noise)
        log_p = found.log_prior(params, stats, z)
        weight = found.log_weight(params, stats, x, key)
        return weight, log_p, sampled(found, params, stats, noise)

    weight, log_p, made = jax.eval_shape(drawn, random.key(0))
    assert weight.shape == (4,) and log_p.shape == (5,) and made.shape == (5, *tiny.SHAPE)


def test_latents_of_another_posterior_go_through_the_runs_flow():
    """As its decoder had them: z, and log q(z | x) less the log-determinant."""
    config = method(flow=spec(flows.Planar, 1, context=2))
    x = np.float32(RNG.uniform(-1, 1, (6, *tiny.SHAPE)))
    override(config, "posterior", spec(posterior.full_covariance))
    with pytest.raises(ConfigError, match="name its run's posterior"):
        jax.eval_shape(build(config).init, random.key(0), {"image": x})
    override(config, "encoder.numbers", 14 + 2)
    found = build(config)
    params, stats = tiny.parameters(found.init, {"image": x})
    stats = jax.tree.map(np.abs, stats)  # variances among them
    key = random.key(7)

    @jax.jit
    def both(params, stats):
        held = {"params": params["encoder"], **stats["encoder"]}
        encoded = found.encoder.apply(held, x, None, train=False)
        of, numbers = posterior.full_covariance(), encoded[:, :14]
        z = of.draw(numbers, key)
        moved, log_det = found.flow.apply({"params": params["flow"]}, z, encoded[:, 14:])
        drawn = found._drawn(params, stats, found._found(params, stats, x), key)
        mean = found.flow.apply({"params": params["flow"]}, of.mean(numbers), encoded[:, 14:])[0]
        log_q = of.log_prob(numbers, z) - log_det
        return drawn, (moved, log_q), (found.encode(params, stats, x), mean)

    drawn, expected, means = both(params, stats)
    np.testing.assert_allclose(drawn.z, expected[0], rtol=1e-4)
    np.testing.assert_allclose(drawn.log_q, expected[1], rtol=1e-4)
    np.testing.assert_allclose(*means, rtol=1e-4)
    assert set(params) == {"encoder", "decoder", "flow", "law"}
    assert found.players()["law"].owns == ("law",)


def test_a_run_that_needs_more_than_its_encoder_and_decoder_is_refused():
    first, law = tiny.vae().method, fitted.Mixture(2)
    made = build(first.encoder), build(first.decoder), build(first.likelihood)
    of_run = lambda **known: Frozen(made[1], "a run", **known)  # noqa: E731
    with pytest.raises(ConfigError, match=r"name it too, method.flow=spec\(trained"):
        ExPost(made[0], of_run(networks=("encoder", "decoder", "flow")), made[2], law)
    with pytest.raises(ConfigError, match=r"given label: .*TwoStageVAE"):
        ExPost(made[0], of_run(given=("label",)), made[2], law)
    with pytest.raises(ConfigError, match="CodePrior"):
        ExPost(mlp.Down((4,)), made[1], made[2], law)
    climbing = Frozen(flows.Hamiltonian(), "a run")
    with pytest.raises(ConfigError, match="with another flow"):
        ExPost(*made, law, flow=climbing)
    assert Frozen(flows.Planar(context=3), "a run").context == 3


def test_settings_without_meaning_are_refused():
    full, sphere = spec(posterior.full_covariance), spec(spherical.von_mises_fisher)
    vamp = spec(priors.Vamp, tiny.SHAPE, 3)
    for kwargs, says in (
        ({"noise": -1.0}, "noise=-1"),
        ({"given": ("label",)}, "TwoStageVAE"),
        ({"noise": 0.5, "posterior": full}, "noise=0.5"),
        ({"posterior": sphere}, "sample from the run itself"),
        ({"posterior": full, "law": vamp}, "made of diagonal Gaussian posteriors"),
    ):
        with pytest.raises(ConfigError, match=says):
            build(method(**kwargs))
    with pytest.raises(ConfigError, match="at least one"):
        fitted.Mixture(0).init(random.key(0), Z)


@pytest.mark.slow
def test_a_law_is_fitted_to_a_trained_run(tmp_path):
    """With nothing for the optimiser to do."""
    genlab.fit(tiny.vae(), tmp_path / "vae")
    held = [spec(trained, str(tmp_path / "vae"), name) for name in ("encoder", "decoder")]
    law = spec(fitted.Mixture, 2)
    config = tiny.experiment(spec(ExPost, *held, spec(likelihood.bernoulli), law), ("law",))
    state = genlab.fit(config, tmp_path / "law")
    assert state.stats["law"]["mixture"]["batches"] == 4
