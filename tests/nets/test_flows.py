"""Flows of a latent against the Jacobian that automatic differentiation gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError
from genlab.nets import flows

FLOWS = {
    "planar": flows.Planar(3),
    "radial": flows.Radial(3),
    "inverse_autoregressive": flows.InverseAutoregressive(3, 8),
    "spline": flows.Spline(3, 8, bins=5),
    "inverse": flows.Inverse(flows.InverseAutoregressive(1, 8)),
}
D = 4


def wild(flow):
    """Parameters well away from where they begin."""
    return tiny.parameters(flow.init, np.zeros((1, D), np.float32), scale=1.0)


@pytest.mark.parametrize("name", FLOWS)
def test_the_log_determinant_is_that_of_the_jacobian(name):
    """And one autoregressive layer is triangular, in reversed order."""
    flow, one = FLOWS[name], flows.InverseAutoregressive(1, 8)
    first = wild(one)

    @jax.jit
    def both(params, z):
        rows = z.reshape(-1, D)
        jacobian = jax.vmap(jax.jacfwd(lambda row: flow.apply(params, row[None])[0][0]))(rows)
        if name != "inverse_autoregressive":
            return flow.apply(params, z), jacobian, None
        of = lambda row: one.apply(first, row[None])[0][0, ::-1]  # noqa: E731
        return flow.apply(params, z), jacobian, jax.jacfwd(of)(jnp.ones(D))

    with jax.enable_x64(True):
        z = 2 * np.random.default_rng(2).normal(size=(3, 2, D))
        (out, log_det), jacobian, triangular = both(jax.tree.map(np.float64, wild(flow)), z)
    assert out.shape == z.shape and log_det.shape == z.shape[:-1]
    sign, exact = np.linalg.slogdet(np.asarray(jacobian))
    assert len(set(sign)) == 1, "no invertible map turns round in places"
    np.testing.assert_allclose(np.ravel(log_det), exact, rtol=1e-9, atol=1e-9)
    if triangular is not None:
        np.testing.assert_array_equal(np.triu(triangular, 1), 0)
        assert (np.abs(np.tril(triangular, -1)[np.tril_indices(D, -1)]) > 1e-6).all()


@pytest.mark.slow
def test_the_parameters_of_amortised_flows_are_the_examples_own():
    """Log-determinants against Jacobians, each example with a context of its own, for two latents
    of each; another context is another map.
    """
    every = [
        flows.Planar(2, context=3),
        flows.Radial(2, context=3),
        flows.InverseAutoregressive(2, 8, context=3),
        flows.Spline(2, 8, 4, context=3),
    ]
    z = 2 * random.normal(random.key(2), (3, 2, D))
    context = random.normal(random.key(3), (3, 3))

    def params(flow):
        leaves, tree = jax.tree.flatten(flow.init(random.key(0), z, context))
        keys = random.split(random.key(1), len(leaves))
        noisy = [x + random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
        return tree.unflatten(noisy)

    @jax.jit
    def seen(z, context):
        found = []
        for flow in every:
            held = params(flow)
            of = lambda row, c, flow=flow, held=held: flow.apply(held, row[None], c[None])[0][0]  # noqa: E731
            each = jax.vmap(jax.vmap(jax.jacfwd(of), in_axes=(0, None)))(z, context)
            moved = flow.apply(held, z, context[::-1])[0]
            found.append((*flow.apply(held, z, context), each, moved))
        return found

    for out, log_det, jacobian, moved in seen(z, context):
        exact = np.linalg.slogdet(np.float64(jacobian))[1]
        np.testing.assert_allclose(log_det, exact, rtol=2e-3, atol=2e-3)
        assert np.abs(np.asarray(out - moved)[[0, 2]]).max() > 0.01
        np.testing.assert_allclose(out[1], moved[1], rtol=1e-4, atol=1e-4)


def test_a_planar_flow_is_invertible_where_its_vectors_point_apart():
    flow = flows.Planar(1)
    one = np.ones(D, np.float32)
    params = {"params": {"w0": one, "u0": -one, "b0": np.float32(0)}}
    z = np.linspace(-1, 1, 9, dtype=np.float32)[:, None] * one
    _, log_det = jax.jit(flow.apply)(params, z)
    assert np.isfinite(log_det).all()


def test_a_flow_the_other_way_round_is_one_that_can_be_turned_and_has_its_context():
    assert flows.Inverse(flows.InverseAutoregressive(context=3)).context == 3
    with pytest.raises(ConfigError, match=r"Inverse.flow is Planar.*flows.Spline"):
        flows.Inverse(flows.Planar())


NONE_OF = (flows.Planar(0), flows.Radial(0), flows.InverseAutoregressive(2, 0),
           flows.Spline(bins=0), flows.Spline(bound=-1.0), flows.Hamiltonian(0),
           flows.Hamiltonian(stride=-1.0))  # fmt: skip


@pytest.mark.parametrize("flow", NONE_OF, ids=lambda flow: type(flow).__name__)
def test_numbers_without_meaning_are_refused(flow):
    with pytest.raises(ConfigError, match=r"(is 0: give a whole|is -1.0: give a number above)"):
        jax.eval_shape(flow.init, random.key(0), np.zeros((1, D), np.float32))


def test_a_flow_of_one_number_is_a_flow():
    flow = flows.InverseAutoregressive(2, 4)
    one = np.ones((2, 1), np.float32)
    params = tiny.parameters(flow.init, one)
    z, log_det = jax.jit(flow.apply)(params, one)
    assert z.shape == (2, 1) and np.isfinite(log_det).all()


def test_a_spline_is_increasing_in_its_box_and_the_identity_outside():
    flow = flows.Spline(1, 8, bins=6, bound=3.0)
    along = np.linspace(-5, 5, 401)
    z = np.float32(np.stack([np.zeros(401), along], axis=1))
    out, log_det = jax.jit(flow.apply)(tiny.parameters(flow.init, z, scale=2.0), z)
    y = np.asarray(out)[:, 0]  # the order is turned round
    outside = np.abs(along) > 3
    np.testing.assert_allclose(y[outside], along[outside], rtol=1e-6)
    assert (np.diff(y) > 0).all()
    np.testing.assert_array_equal(log_det[outside], 0)
    assert np.abs(y - along)[~outside].max() > 0.3
    with pytest.raises(ConfigError, match="two numbers or more"):
        jax.eval_shape(flow.init, random.key(0), np.zeros((1, 1), np.float32))
