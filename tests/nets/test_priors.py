"""Priors with parameters: densities that integrate to one, draws that follow them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from helpers import tiny
from jax import random

from genlab.config import ConfigError
from genlab.nets import flows, priors

SHAPE = (3,)


def posterior(u):
    """A fixed linear encoder of examples [k, 3]."""
    return u[:, :2] * 2 + 1, u[:, 1:] - 1.5


PRIORS = {
    "mixture": priors.Mixture(3),
    "vamp": priors.Vamp(SHAPE, 4),
    "spline": priors.Flow(flows.Spline(2, 8, bins=4)),
    "autoregressive": priors.Flow(flows.InverseAutoregressive(2, 8)),
}


def wild(prior):
    """Parameters away from where they begin."""
    init = lambda key: prior.init({"params": key, "dropout": key}, jnp.zeros((1, 2)), posterior)  # noqa: E731
    return tiny.parameters(init)


@pytest.mark.parametrize("name", PRIORS)
def test_a_density_integrates_to_one_and_draws_have_its_moments(name):
    prior = PRIORS[name]
    params = wild(prior)
    along = np.linspace(-10, 10, 401)
    grid = np.float32(np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2))
    noise = np.float32(np.random.default_rng(5).normal(size=(20_000, prior.noise(2))))

    @jax.jit
    def both(params, grid, noise):
        drawn = prior.apply(params, noise, posterior, method="draw")
        return prior.apply(params, grid, posterior), drawn

    log_p, drawn = (np.float64(x) for x in both(params, grid, noise))
    mass = np.exp(log_p) * (along[1] - along[0]) ** 2
    np.testing.assert_allclose(mass.sum(), 1, atol=4e-3)
    mean = mass @ np.float64(grid)
    spread = np.sqrt(mass @ (np.float64(grid) - mean) ** 2)
    np.testing.assert_allclose((drawn.mean(0) - mean) / spread, 0, atol=0.04)
    np.testing.assert_allclose(drawn.std(0) / spread, 1, atol=0.04)


def test_mixtures_against_scipy():
    z = np.float32(np.random.default_rng(0).normal(size=(5, 2)))
    given = {name: wild(PRIORS[name]) for name in ("mixture", "vamp")}

    @jax.jit
    def densities(given):
        return {name: PRIORS[name].apply(held, z, posterior) for name, held in given.items()}

    for name, found in densities(given).items():
        held = given[name]["params"]
        if name == "mixture":
            parts = held["logits"], held["mean"], held["log_variance"]
        else:
            parts = (np.zeros(4), *posterior(np.clip(held["inputs"], -1, 1)))
        logits, mean, log_variance = (np.float64(x) for x in parts)
        each = scipy.stats.norm(mean, np.exp(log_variance / 2)).logpdf(z[:, None]).sum(-1)
        exact = scipy.special.logsumexp(scipy.special.log_softmax(logits) + each, axis=1)
        np.testing.assert_allclose(found, exact, rtol=1e-5)


INVERTED = [(flows.Spline(3, 8, bins=5), 0.4), (flows.InverseAutoregressive(3, 8), 0.8)]


@pytest.mark.parametrize(("flow", "scale"), INVERTED, ids=["flow0", "flow1"])
def test_a_flows_inverse_takes_it_back(flow, scale):
    z = np.float32(2 * np.random.default_rng(1).normal(size=(6, 4)))

    @jax.jit
    def both(params):
        out, _ = flow.apply(params, z)
        return out, flow.apply(params, out, method="inverse")

    out, back = both(tiny.parameters(flow.init, z, scale=scale))
    assert np.abs(out - z[:, ::-1]).max() > 0.05
    np.testing.assert_allclose(back, z, rtol=2e-4, atol=2e-4)


def test_a_flow_without_an_inverse_is_no_prior():
    with pytest.raises(ConfigError, match=r"prior.flow is Planar.*flows.Spline"):
        priors.Flow(flows.Planar()).noise(4)
    with pytest.raises(ConfigError, match="a context of 3 numbers"):
        priors.Flow(flows.Spline(context=3)).noise(4)


def test_the_bound_of_a_hierarchical_prior_is_of_its_density():
    """The mean of exp(bound) is p(z), by importance sampling; draws have its mean."""
    prior = priors.Hierarchical(1, 4)
    z = np.float32([[-0.5], [1.0]])

    init = lambda key: prior.init({"params": key, "dropout": key}, jnp.zeros((1, 1)))  # noqa: E731
    params = jax.tree.map(lambda x: x + np.float32(0.3), tiny.parameters(init))

    @jax.jit
    def seen(params, key, noise):
        many = jnp.broadcast_to(z[:, None], (2, 20_000, 1))
        bound = prior.apply(params, many, rngs={"dropout": key})
        return bound, prior.apply(params, noise, method="draw")

    noise = np.float32(np.random.default_rng(2).normal(size=(20_000, prior.noise(1))))
    bound, drawn = seen(params, random.key(1), noise)
    estimate = np.exp(np.float64(bound)).mean(axis=1)

    held = {name: np.float64(x) for layer, of in params["params"].items()
            for name, x in ((f"{layer}/{k}", v) for k, v in of.items())}  # fmt: skip
    u = np.linspace(-8, 8, 2001)[:, None]
    h = np.tanh(u @ held["down_hidden/kernel"] + held["down_hidden/bias"])
    mean, log_variance = np.split(h @ held["down_out/kernel"] + held["down_out/bias"], 2, axis=1)
    weight = scipy.stats.norm.pdf(u[:, 0]) * (u[1, 0] - u[0, 0])
    exact = [
        weight @ scipy.stats.norm(mean[:, 0], np.exp(log_variance[:, 0] / 2)).pdf(x)
        for x in np.float64(z[:, 0])
    ]
    np.testing.assert_allclose(estimate, exact, rtol=0.03)
    assert bound.mean() < np.log(exact).mean()
    np.testing.assert_allclose(drawn.mean(), weight @ mean[:, 0], atol=0.04)
