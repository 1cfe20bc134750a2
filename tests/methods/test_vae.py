"""The VAE against the one case that is known in full: the linear VAE is probabilistic PCA (Lucas et
al. 2019).
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from jax import lax, random

from genlab.config import ConfigError, build, override, spec
from genlab.data import digits, ring
from genlab.game import abilities
from genlab.game.abilities import HasLogWeight, require
from genlab.losses import bounds, likelihood, posterior, spherical
from genlab.losses import pictures as between
from genlab.methods import VAE, Comparison
from genlab.metrics.bound import importance_weighted
from genlab.nets import Decoder, Encoder, flows, mlp, priors
from genlab.nets.corrupted import Corrupted

LATENT = 5


def pictures(n):
    """Of noise."""
    return np.float32(np.random.default_rng(2).uniform(-1, 1, (n, *tiny.SHAPE)))


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


def test_the_kl_of_units_is_what_the_elbo_lacks_of_the_likelihood(linear):
    method, params, x, _ = linear

    @jax.jit
    def both(key):
        z = method.posterior_draw(params, {}, x, key)
        likelihood = method.log_likelihood(params, {}, x, z)
        return method.elbo(params, {}, x, key), likelihood - method.unit_kl(params, {}, x).sum(1)

    np.testing.assert_allclose(*both(random.key(4)), rtol=1e-4, atol=1e-3)


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

    @jax.jit
    def found(worse, key):
        log_weight = lambda k: method.log_weight(worse, {}, x, k)  # noqa: E731
        return [importance_weighted(log_weight, key, k) for k in (1, 8, 64, 512)]

    bounds = found(worse, random.key(1))
    iwae = [float(b[1].mean()) for b in bounds]
    assert float(bounds[-1][0].mean()) < iwae[1] < iwae[2] < iwae[3] < log_p.mean() + 0.05
    assert log_p.mean() - iwae[3] < 0.25 * (log_p.mean() - iwae[0])


def test_the_loss_is_minus_the_elbo_at_the_same_noise(linear):
    method, params, x, _ = linear
    key = random.key(2)

    @jax.jit
    def both(params):
        loss, (_, seen) = method.loss(params, {}, {"image": x}, key, jnp.asarray(0))
        return loss, seen, method.elbo(params, {}, x, key).mean()

    loss, seen, elbo = both(params)
    np.testing.assert_allclose(loss, -elbo, rtol=1e-5)
    np.testing.assert_allclose(loss, seen["distortion"] + seen["kl"], rtol=1e-6)


def test_beta_weighs_the_kl_and_may_warm_up():
    batch, methods = {"image": pictures(3)}, []
    for beta in (4.0, spec(optax.linear_schedule, 0.0, 1.0, 10)):
        config = tiny.vae().method
        override(config, "beta", beta)
        methods.append(build(config))

    @jax.jit
    def losses(params, stats, key):
        steps = jnp.asarray([0, 5])
        return [m.loss(params, stats, batch, key, steps[i]) for i, m in enumerate(methods)]

    found = losses(*tiny.parameters(methods[0].init, batch), random.key(1))
    for weight, (loss, (_, seen)) in zip((4.0, 0.5), found, strict=True):
        assert seen["kl"] > 0.1
        np.testing.assert_allclose(loss, seen["distortion"] + weight * seen["kl"], rtol=1e-6)


def test_labels_reach_encoder_and_decoder():
    method = build(tiny.vae(given=("label",)).method)
    x = pictures(6)
    labels = [{"label": np.eye(3, dtype=np.float32)[np.full(6, k)]} for k in (0, 1)]
    params, stats = tiny.parameters(method.init, {"image": x, **labels[0]})
    stats = jax.tree.map(np.abs, stats)

    @jax.jit
    def abilities(params, stats, label):
        drawn = method.generate(params, stats, method.latents(random.key(1), 6), label)
        bound = method.elbo(params, stats, x, random.key(2), label)
        unusual = method.score(params, stats, x, random.key(2), label)
        codes = method.encode(params, stats, x, label)
        made = method.generate(params, stats, codes, label)
        return drawn, bound, unusual, made, method.reconstruct(params, stats, x, label)

    (drawn, bound, unusual, made, again), other = (abilities(params, stats, k) for k in labels)
    assert not np.allclose(drawn, other[0])
    assert not np.allclose(bound, other[1])
    np.testing.assert_allclose(unusual, -bound, rtol=1e-6)
    np.testing.assert_allclose(made, again, rtol=1e-6)


def test_a_decoder_without_room_for_the_likelihood_is_refused():
    config = tiny.vae()
    override(config, "method.likelihood", spec(likelihood.discretised_logistic, 17))
    batch = {"image": pictures(2)}
    with pytest.raises(ConfigError, match=r"set method.decoder.trunk.shape=\(8, 8, 2\)"):
        jax.eval_shape(build(config.method).init, random.key(0), batch)
    override(config, "method.likelihood", spec(likelihood.logistic_mixture, 2, 17))
    with pytest.raises(ConfigError, match=r"needs 6 parameters of 1 channels.*shape=\(8, 8, 6\)"):
        jax.eval_shape(build(config.method).init, random.key(0), batch)


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
    batch = {"image": pictures(5)}
    params, stats = tiny.parameters(method.init, batch)
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


def mixture_likelihood(params, x, held):
    """log p(x) of the linear decoder under a mixture as prior, in closed form."""
    out = params["decoder"]["trunk"]["out"]
    w, mu = np.float64(out["kernel"]), np.float64(out["bias"])
    sigma2 = held["sigma"] ** 2
    each = []
    for mean, log_variance in zip(held["mean"], held["log_variance"], strict=True):
        covariance = (w.T * np.exp(np.float64(log_variance))) @ w + sigma2 * np.eye(len(mu))
        away = np.float64(x) - mu - np.float64(mean) @ w
        quadratic = np.einsum("bi,ij,bj->b", away, np.linalg.inv(covariance), away)
        each.append(quadratic + np.linalg.slogdet(2 * np.pi * covariance)[1])
    return np.logaddexp.reduce(-0.5 * np.array(each), axis=0) - np.log(len(each))


def test_a_learned_prior_is_in_every_bound_and_drawn_from(linear):
    """A mixture under the linear decoder, whose likelihood is known."""
    method, params, x, _ = linear
    own = dataclasses.replace(method, prior=priors.Mixture(2))
    rng = np.random.default_rng(0)
    held = {"logits": jnp.zeros(2), "mean": jnp.float32(0.4 * rng.normal(size=(2, LATENT))),
            "log_variance": jnp.float32(0.3 * rng.normal(size=(2, LATENT)))}  # fmt: skip
    known = {**params, "prior": held}

    @jax.jit
    def seen(params):
        loss, (_, terms) = own.loss(params, {}, {"image": x}, random.key(2), jnp.asarray(0))
        bounded = dataclasses.replace(own, bound=bounds.dreg(64))
        tight, _ = bounded.loss(params, {}, {"image": x}, random.key(2), jnp.asarray(0))
        one = own.log_weight(params, {}, x, random.key(2))
        noise = own.latents(random.key(3), 5)
        z = own.prior_latents(params, {}, noise)
        return loss, terms, tight, one, abilities.sampled(own, params, {}, noise), z

    loss, terms, tight, one, made, z = seen(known)
    assert set(terms) == {"loss", "distortion", "monte_carlo_kl"}
    np.testing.assert_allclose(-loss, one.mean(), rtol=1e-5)
    out = params["decoder"]["trunk"]["out"]
    decoded = jnp.clip(z @ out["kernel"] + out["bias"][None], -1, 1)
    np.testing.assert_allclose(made, decoded, rtol=1e-4, atol=1e-4)
    top = np.exp(-np.float64(params["encoder"]["posterior"]["bias"][LATENT:]))
    w2 = (np.float64(out["kernel"]) ** 2).sum(1)  # W'W = top eigenvalues - sigma^2
    held["sigma"] = np.sqrt((w2 / (top - 1)).mean())  # of top = eigenvalue / sigma^2
    exact = mixture_likelihood(params, x, held).mean()
    np.testing.assert_allclose(-tight, exact, atol=0.15)
    assert -loss < exact + 0.15
    assert own.players()["vae"].owns == ("encoder", "decoder", "prior")
    require(own, abilities.HasPrior, "AIS")
    with pytest.raises(ConfigError, match=r"its prior is N\(0, I\)"):
        require(method, abilities.HasPrior, "AIS")


def test_a_hamiltonian_posterior_nears_the_true_one(linear):
    """From a posterior that is off, leapfrog steps give a better bound, still below."""
    method, params, x, log_p = linear
    posterior = {**params["encoder"]["posterior"]}
    posterior["bias"] = posterior["bias"] + np.r_[np.full(LATENT, 0.6), np.zeros(LATENT)]
    worse = {**params, "encoder": {"posterior": posterior}}
    moving = dataclasses.replace(method, flow=flows.Hamiltonian(4, largest=0.2))
    held = {**worse, "flow": {"size": jnp.zeros(LATENT), "root": jnp.asarray(3.0)}}

    @jax.jit
    def elbos(held):
        keys = random.split(random.key(1), 8)
        of = lambda m: lax.map(lambda k: m.elbo(held, {}, x, k), keys).mean()  # noqa: E731
        loss, _ = moving.loss(held, {}, {"image": x}, keys[0], jnp.asarray(0))
        fixed = dataclasses.replace(
            method, flow=flows.Hamiltonian(4, stride=0.1, beta_zero=jax.nn.sigmoid(3.0) ** 2)
        )
        ones = [m.elbo(held, {}, x, keys[0]).mean() for m in (moving, fixed)]
        return of(method), of(moving), loss, *ones

    plain, moved, loss, one, same = elbos(held)
    np.testing.assert_allclose(one, same, rtol=1e-6)
    assert plain + 0.1 < moved < log_p.mean() + 0.05
    np.testing.assert_allclose(-loss, one, rtol=1e-5)
    with pytest.raises(ConfigError, match="is of a Gaussian posterior"):
        dataclasses.replace(moving, divergences={"kl": 1.0})


def test_a_comparison_is_added_to_the_distortion_and_regularisers_to_the_loss():
    config = tiny.vae().method
    config.comparison = spec(
        Comparison, {"l1": 3.0}, spec(mlp.Down, (4,)), perceptual={"content": 2.0}
    )
    override(config, "regularisers", {"squared_weights": 0.5})
    method = build(config)
    batch = {"image": pictures(5)}
    params, stats = tiny.parameters(method.init, batch)

    @jax.jit
    def seen(params, stats):
        loss, (_, terms) = method.loss(params, stats, batch, random.key(1), jnp.asarray(0))
        found = method.forward(params, stats, batch, random.key(1), jnp.asarray(0))
        made = method.likelihood.mean(found.theta)
        features = [
            mlp.Down((4,)).apply({"params": params["features"]}, x) for x in (made, batch["image"])
        ]
        return loss, terms, made, features

    loss, terms, made, (ours, wanted) = seen(params, stats)
    np.testing.assert_allclose(terms["l1"], np.abs(made - batch["image"]).mean(), rtol=1e-5)
    np.testing.assert_allclose(terms["content"], ((ours - wanted) ** 2).mean(), rtol=1e-4)
    squares = sum((np.float64(w) ** 2).sum() for w in jax.tree.leaves(params["decoder"]))
    np.testing.assert_allclose(terms["squared_weights"], squares, rtol=1e-5)
    whole = terms["distortion"] + terms["kl"] + 3 * terms["l1"] + 2 * terms["content"]
    np.testing.assert_allclose(loss, whole + 0.5 * squares, rtol=1e-5)
    assert method.players()["vae"].owns == ("encoder", "decoder")


def test_ms_ssim_in_place_of_a_likelihood_is_the_distortion():
    config = tiny.vae().method
    loss = {"ms_ssim": {"weight": 3.0, "window": 3}}
    override(config, "likelihood", spec(likelihood.compared, loss))
    config.beta = 1e-2
    method, batch = build(config), {"image": pictures(3)}
    params, stats = tiny.parameters(method.init, batch)

    @jax.jit
    def seen(params, stats):
        loss, (_, terms) = method.loss(params, stats, batch, random.key(1), jnp.asarray(0))
        return loss, terms, method.forward(params, stats, batch, random.key(1), 0).theta

    loss, terms, theta = seen(params, stats)
    apart = jax.jit(partial(between.ms_ssim, window=3))(np.tanh(theta), batch["image"])
    np.testing.assert_allclose(terms["distortion"], 3 * apart.mean(), rtol=1e-4)
    np.testing.assert_allclose(loss, terms["distortion"] + 1e-2 * terms["kl"], rtol=1e-5)


def test_a_denoising_encoder_sees_spoilt_pictures_in_training_alone():
    """And a loss of pictures is no likelihood: it bounds nothing."""
    plain = Encoder(mlp.Down((8,)), LATENT)
    spoilt = Corrupted(plain, noise=0.5, masked=0.5, value=-1.0)
    x = np.ones((64, *tiny.SHAPE), np.float32)

    @jax.jit
    def encoded(params, key):
        inside, rngs = {"params": {"net": params["params"]}}, {"dropout": key}
        outside, training = spoilt.apply(inside, x, None, False), spoilt.apply(inside, x, rngs=rngs)
        seen = spoilt.apply(inside, x, rngs=rngs, method="_spoilt")
        return plain.apply(params, x)[0], outside[0], training[0], seen

    params = tiny.parameters(plain.init, x)
    clean, outside, training, seen = map(np.asarray, encoded(params, random.key(1)))
    np.testing.assert_array_equal(outside, clean)
    assert not np.allclose(training, clean)
    np.testing.assert_allclose((seen == -1).mean(), 0.5, atol=0.05)
    np.testing.assert_allclose(seen[seen != -1].std(), 0.5, atol=0.05)
    with pytest.raises(ConfigError, match="share below 1"):
        Corrupted(plain, masked=1.0)
    config = tiny.vae().method
    override(config, "likelihood", spec(likelihood.compared))
    with pytest.raises(ConfigError, match=r"Bound needs .* and no density"):
        require(build(config), HasLogWeight, "Bound")


PARTS = {
    "posterior": (spec(posterior.point), "set method.encoder.numbers=4"),
    "prior": (spec(priors.Vamp, (8, 8, 1), 3), ""),
    "flow": (spec(flows.Planar, context=3), "set method.encoder.numbers=11"),
}


@pytest.mark.parametrize("part", PARTS)
def test_parts_say_how_many_numbers_the_encoder_has_to_give(part):
    given, message = PARTS[part]
    config = tiny.vae().method
    config[part] = given
    batch = {"image": jnp.zeros((3, *tiny.SHAPE))}
    init = lambda: jax.eval_shape(build(config).init, random.key(0), batch)  # noqa: E731
    if message:
        with pytest.raises(ConfigError, match=message):
            init()
        override(config, "encoder.numbers", int(message.rsplit("=")[-1]))
    params, stats = init()
    assert part not in ("prior", "flow") or part in params
    method = build(config)
    jax.eval_shape(
        lambda p, s: method.loss(p, s, batch, random.key(0), jnp.asarray(0)), params, stats
    )


def test_parts_that_do_not_go_together_are_refused():
    config = tiny.vae().method
    sphere, climbing = spec(spherical.von_mises_fisher), spec(flows.Hamiltonian)
    one_hot = spec(posterior.gumbel_softmax, classes=2)
    apart = {"total_correlation": {"weight": 1.0, "examples": 100}}
    for changed, message in (
        ({"posterior": sphere, "prior": spec(priors.Mixture)}, "has a prior of its own"),
        ({"posterior": sphere, "flow": spec(flows.Planar)}, "changes a density in R"),
        ({"prior": spec(priors.Vamp, (8, 8, 1)), "flow": spec(flows.Planar)}, "leave `posterior`"),
        ({"prior": spec(priors.Mixture), "divergences": {"kl": 1.0}}, "in closed form"),
        ({"posterior": spec(posterior.mixture), "divergences": {"moments": 1.0}}, "independent"),
        ({"posterior": spec(posterior.point), "beta": 2.0}, "weighs a KL"),
        ({"posterior": spec(posterior.point), "bound": spec(bounds.iwae)}, "leave `bound` out"),
        ({"prior": spec(priors.Vamp, (8, 8, 1)), "given": ("label",)}, "no `given`"),
        ({"regularisers": {"path_length": 1.0}}, "has a memory"),
        ({"regularisers": {"pulling_away": 1.0}}, "is of a critic"),
        ({"flow": climbing, "prior": spec(priors.Hierarchical)}, "is a bound of one draw"),
        ({"flow": climbing, "likelihood": spec(likelihood.optimal_gaussian)}, "best variance"),
        ({"flow": climbing, "likelihood": spec(likelihood.compared)}, "climbs .* no density"),
        ({"posterior": spec(posterior.point), "prior": spec(priors.Mixture)}, "not be trained"),
        ({"prior": spec(priors.Mixture), "divergences": apart}, "would not be trained"),
        ({"posterior": spec(posterior.point), "divergences": {"kl": 1.0}}, "give imq_mmd, rbf_mmd"),
        ({"posterior": one_hot, "divergences": {"monte_carlo_kl": 1.0}}, "give kl, imq_mmd"),
        ({"flow": spec(flows.Planar), "divergences": {"free_bits": 1.0}}, "give free_nats"),
        ({"posterior": spec(posterior.point), "divergences": {"free_nats": 1.0}}, "needs a KL"),
        ({"prior": spec(priors.Mixture), "divergences": {"kl": 1.0}}, "give monte_carlo_kl, imq"),
    ):
        broken = config.copy_and_resolve_references()
        for name, value in changed.items():
            override(broken, name, value)
        with pytest.raises(ConfigError, match=message):
            build(broken)


def test_a_gaussian_posterior_may_be_named():
    """It is the usual one: with its units, its divergences, and priors made of posteriors."""
    config = tiny.vae().method
    override(config, "posterior", spec(posterior.gaussian))
    override(config, "encoder.numbers", 8)
    assert abilities.can(build(config), abilities.HasPosterior)
    override(config, "prior", spec(priors.Vamp, tiny.SHAPE, 3))
    information = {"weight": 1.0, "examples": 9}
    override(config, "divergences", {"mutual_information": information, "monte_carlo_kl": 1.0})
    method, batch = build(config), {"image": jnp.zeros((3, *tiny.SHAPE))}

    def loss(key):
        params, stats = method.init(key, batch)
        return method.loss(params, stats, batch, key, jnp.asarray(0))[0]

    assert jax.eval_shape(loss, random.key(0)).shape == ()
    config.prior.shape = (7, 8, 1)
    with pytest.raises(ConfigError, match=r"set method.prior.shape=\(8, 8, 1\)"):
        jax.eval_shape(build(config).init, random.key(0), batch)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("likelihood", "bernoulli", r"is 'bernoulli': give a spec, as spec\(likelihood"),
        ("posterior", posterior.point, r"point itself: give a spec, as spec\(posterior"),
        ("bound", "iwae", r"spec\(bounds.iwae, 5\)"),
        ("prior", priors.Mixture, r"Mixture itself: give a spec"),
        ("encoder", mlp.Down((4,)), r"Down, has no latent: give spec\(Encoder"),
    ],
)
def test_parts_are_specs_and_no_names(field, value, says):
    with pytest.raises(ConfigError, match=says):
        dataclasses.replace(build(tiny.vae().method), **{field: value})


def test_chains_are_of_latents_in_all_of_space():
    config = tiny.vae().method
    override(config, "posterior", spec(spherical.von_mises_fisher))
    require(build(config), HasLogWeight, "Bound")
    with pytest.raises(ConfigError, match=r"Annealed needs .* on a sphere"):
        require(build(config), abilities.HasLikelihood, "Annealed")
    near = jax.jit(build(config).supported)(np.float32([[3.0, 0.0, 0.0, 4.0]]))
    np.testing.assert_allclose(near, [[0.6, 0.0, 0.0, 0.8]], rtol=1e-6)


def trained_linear(beta, eigenvalues, sigma2):
    """(method, params, x): a linear VAE after 4,000 steps of Adam on rotated Gaussian data."""
    rng = np.random.default_rng(0)
    d = len(eigenvalues)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    x = jnp.float32(rng.normal(size=(4000, d)) * np.sqrt(eigenvalues) @ turn)
    linear_nets = Encoder(mlp.Down(()), d), Decoder(mlp.Up((d,), ()))
    method = VAE(*linear_nets, likelihood.gaussian(float(np.sqrt(sigma2))), beta=beta)
    adam = optax.adam(optax.cosine_decay_schedule(1e-2, 4000))

    @jax.jit
    def run(key):
        params, _ = method.init(key, {"image": x})

        def step(carry, i):
            params, state = carry
            own = random.fold_in(key, i)
            rows = random.randint(own, (256,), 0, len(x))
            of = lambda p: method.loss(p, {}, {"image": x[rows]}, own, i)[0]  # noqa: E731
            updates, state = adam.update(jax.grad(of)(params), state)
            return (optax.apply_updates(params, updates), state), None

        return lax.scan(step, (params, adam.init(params)), jnp.arange(4000))[0][0]

    return method, run(random.key(1)), x


@pytest.mark.slow
@pytest.mark.parametrize("beta, units", [(1.0, 4), (3.0, 3)])
def test_trained_it_uses_as_many_units_as_eigenvalues_are_above_beta_times_the_noise(beta, units):
    """Lucas et al. 2019, arXiv:1911.02469; and the ELBO is the likelihood in closed form
    of the covariance W W' + sigma^2 I with W W' = the eigenvalues above, less the noise.
    """
    eigenvalues, sigma2 = np.array([4.0, 2.0, 1.0, 0.4, 0.1, 0.05]), 0.25
    method, params, x = trained_linear(beta, eigenvalues, sigma2)
    assert (np.var(method.encode(params, {}, x), axis=0) > 0.01).sum() == units
    if beta == 1:
        centred = np.float64(x) - np.float64(x).mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
        kept = np.maximum(values, sigma2)
        white = centred @ vectors / np.sqrt(kept)
        exact = -0.5 * ((white**2).sum(1) + np.log(2 * np.pi * kept).sum()).mean()
        keys = random.split(random.key(2), 20)
        elbo = np.mean([method.elbo(params, {}, x, key).mean() for key in keys])
        np.testing.assert_allclose(elbo, exact, atol=0.05)


@pytest.mark.slow
def test_no_vae_is_better_than_the_entropy_of_a_known_mixture():
    """The mean of any bound of log p(x) over data of a known density is at most minus its
    entropy; a trained one comes near.
    """
    source = ring(8, 1.0, 0.2)
    x = jnp.float32(source.read("train", 10_000)["image"])
    entropy = -float(source.log_density(x).mean())
    encoder, decoder = Encoder(mlp.Down((64, 64)), 2), Decoder(mlp.Up((4,), (64, 64)))
    method = VAE(encoder, decoder, likelihood.learned_gaussian())
    adam = optax.adam(2e-3)

    @jax.jit
    def run(key):
        params, _ = method.init(key, {"image": x[:256]})

        def step(carry, i):
            params, state = carry
            own = random.fold_in(key, i)
            rows = random.randint(own, (256,), 0, len(x))
            of = lambda p: method.loss(p, {}, {"image": x[rows]}, own, i)[0]  # noqa: E731
            updates, state = adam.update(jax.grad(of)(params), state)
            return (optax.apply_updates(params, updates), state), None

        params = lax.scan(step, (params, adam.init(params)), jnp.arange(3000))[0][0]
        log_weight = lambda k: method.log_weight(params, {}, x[:2000], k)  # noqa: E731
        return importance_weighted(log_weight, random.key(9), 100)

    elbo, iwae = (float(b.mean()) for b in run(random.key(1)))
    error = 3 * float(source.log_density(x[:2000]).std()) / 2000**0.5
    assert elbo <= iwae <= -entropy + error
    assert -entropy - iwae < 0.5
