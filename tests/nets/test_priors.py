"""Priors with parameters: densities that integrate to one, draws that follow them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
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
    start = prior.init({"params": random.key(0), "dropout": random.key(0)}, jnp.zeros((1, 2)),
                       posterior)  # fmt: skip
    leaves, tree = jax.tree.flatten(start)
    keys = random.split(random.key(3), len(leaves))
    return tree.unflatten(
        [x + 0.4 * random.normal(key, x.shape) for x, key in zip(leaves, keys, strict=True)]
    )


@pytest.mark.parametrize("name", PRIORS)
def test_a_density_integrates_to_one_and_draws_have_its_moments(name):
    prior = PRIORS[name]
    params = wild(prior)
    along = np.linspace(-10, 10, 401)
    grid = jnp.float32(np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2))
    noise = random.normal(random.key(5), (20_000, prior.noise(2)))

    @jax.jit
    def both(grid, noise):
        drawn = prior.apply(params, noise, posterior, method="draw")
        return prior.apply(params, grid, posterior), drawn

    log_p, drawn = (np.float64(x) for x in both(grid, noise))
    mass = np.exp(log_p) * (along[1] - along[0]) ** 2
    np.testing.assert_allclose(mass.sum(), 1, atol=4e-3)
    mean = mass @ np.float64(grid)
    spread = np.sqrt(mass @ (np.float64(grid) - mean) ** 2)
    np.testing.assert_allclose((drawn.mean(0) - mean) / spread, 0, atol=0.04)
    np.testing.assert_allclose(drawn.std(0) / spread, 1, atol=0.04)


def test_mixtures_against_scipy():
    z = np.float32(np.random.default_rng(0).normal(size=(5, 2)))
    for name in ("mixture", "vamp"):
        params = wild(PRIORS[name])
        held = params["params"]
        if name == "mixture":
            parts = held["logits"], held["mean"], held["log_variance"]
        else:
            parts = (np.zeros(4), *posterior(np.clip(held["inputs"], -1, 1)))
        logits, mean, log_variance = (np.float64(x) for x in parts)
        each = scipy.stats.norm(mean, np.exp(log_variance / 2)).logpdf(z[:, None]).sum(-1)
        exact = scipy.special.logsumexp(scipy.special.log_softmax(logits) + each, axis=1)
        np.testing.assert_allclose(PRIORS[name].apply(params, z, posterior), exact, rtol=1e-5)


@pytest.mark.parametrize("flow", [flows.Spline(3, 8, bins=5), flows.InverseAutoregressive(3, 8)])
def test_a_flows_inverse_takes_it_back(flow):
    z = 2 * random.normal(random.key(1), (6, 4))
    params = jax.tree.map(lambda x: 1.5 * x + 0.2, flow.init(random.key(0), z))
    out, _ = flow.apply(params, z)
    assert float(jnp.abs(out - z[:, ::-1]).max()) > 0.05
    np.testing.assert_allclose(flow.apply(params, out, method="inverse"), z, rtol=2e-4, atol=2e-4)


def test_a_flow_without_an_inverse_is_no_prior():
    with pytest.raises(ConfigError, match=r"prior.flow is Planar.*flows.Spline"):
        priors.Flow(flows.Planar()).noise(4)


def test_the_bound_of_a_hierarchical_prior_is_of_its_density():
    """The mean of exp(bound) is p(z), by importance sampling; draws have its mean."""
    prior = priors.Hierarchical(1, 4)
    start = prior.init({"params": random.key(0), "dropout": random.key(0)}, jnp.zeros((1, 1)))
    params = jax.tree.map(lambda x: x + 0.3, start)
    z = jnp.asarray([[-0.5], [1.0]])
    many = jnp.broadcast_to(z[:, None], (2, 20_000, 1))
    bound = prior.apply(params, many, rngs={"dropout": random.key(1)})
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
    drawn = prior.apply(params, random.normal(random.key(2), (20_000, prior.noise(1))),
                        method="draw")  # fmt: skip
    np.testing.assert_allclose(drawn.mean(), weight @ mean[:, 0], atol=0.04)
