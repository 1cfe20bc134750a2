"""Autoregressive networks: what each code may look at, the law of whole maps, and draws from it."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from helpers import tiny
from jax import random

from genlab.config import ConfigError
from genlab.nets import autoregressive

SHAPE, SIZE = (2, 3), 3
NETS = {
    "pixelcnn": autoregressive.GatedPixelCNN(SHAPE, SIZE, width=12, layers=2, kernel=3),
    "transformer": autoregressive.Transformer(SHAPE, SIZE, width=8, layers=1, heads=2),
}
CODES = np.random.default_rng(0).integers(0, SIZE, (1, *SHAPE)).astype(np.int32)


@pytest.fixture(scope="module", params=NETS)
def made(request):
    """(a network, its parameters, under a label and a picture)."""
    net = NETS[request.param]
    cond = {"label": jnp.eye(2)[:1], "codes 0": random.normal(random.key(3), (1, *SHAPE, 2))}
    return net, tiny.parameters(net.init, CODES, cond), cond


def test_a_code_depends_on_all_codes_before_it_and_on_no_other(made):
    net, params, cond = made
    n = int(np.prod(SHAPE))

    @jax.jit
    def of_changed(codes):
        return jax.vmap(lambda one: net.apply(params, one, cond)[0].reshape(n, SIZE))(codes)

    flat = np.asarray(CODES).reshape(1, n)
    changed = np.where(np.eye(n, dtype=bool), (flat + 1) % SIZE, flat).reshape(n, 1, *SHAPE)
    logits = np.asarray(of_changed(np.concatenate([changed, np.asarray(CODES)[None]])))
    moved = np.abs(logits[:n] - logits[n:]).max(-1) > 0  # [changed code, position]
    np.testing.assert_array_equal(moved, np.triu(np.ones((n, n), bool), 1))


def test_what_is_given_reaches_every_position(made):
    net, params, cond = made

    @jax.jit
    def logits(cond):
        return net.apply(params, CODES, cond)

    before = logits(cond)
    for name, other in (("label", jnp.eye(2)[1:]), ("codes 0", 1 - cond["codes 0"])):
        assert (np.abs(logits({**cond, name: other}) - before).max(-1) > 0).all()


def test_the_laws_of_all_maps_sum_to_one_and_draws_follow_them():
    net = autoregressive.Transformer((2, 1), SIZE, width=8, layers=1, heads=2)
    every = jnp.asarray(list(itertools.product(range(SIZE), repeat=2))).reshape(-1, 2, 1)
    params = tiny.parameters(net.init, every, scale=1.0)

    @jax.jit
    def both(noise):
        of = partial(net.apply, params)
        drawn = autoregressive.drawn(of, noise, net.shape)
        return autoregressive.log_prob(of(every), every), drawn, of(drawn)

    noise = random.normal(random.key(5), (4000, 2))
    log_p, drawn, logits = both(noise)
    p = np.exp(np.float64(log_p))
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-5)
    share = np.bincount(np.asarray(drawn).reshape(-1, 2) @ [SIZE, 1], minlength=SIZE**2) / 4000
    np.testing.assert_allclose(share, p, atol=4 * np.sqrt(p.max() / 4000))
    law = np.exp(np.float64(logits)).reshape(-1, 2, SIZE)
    law = (law / law.sum(-1, keepdims=True)).cumsum(-1)
    codes = np.asarray(drawn).reshape(-1, 2, 1)
    u = scipy.stats.norm.cdf(np.float64(noise))
    upper = np.take_along_axis(law, codes, -1)[..., 0]
    lower = np.where(codes[..., 0] > 0, np.take_along_axis(law, codes - 1, -1)[..., 0], 0)
    assert ((u <= upper + 1e-5) & (u >= lower - 1e-5)).all()


def test_the_quantile_of_the_last_code_is_the_last_code():
    always = lambda codes: jnp.zeros((*codes.shape, SIZE))  # noqa: E731
    drawn = autoregressive.drawn(always, jnp.array([[-40.0, 40.0]]), (2,))
    np.testing.assert_array_equal(drawn, [[0, SIZE - 1]])


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ConfigError, match=r"set its shape=\(2, 3\)"):
        autoregressive.Transformer((5,), SIZE).init(random.key(0), CODES)
    with pytest.raises(ConfigError, match="kernel=4"):
        autoregressive.GatedPixelCNN(SHAPE, SIZE, kernel=4).init(random.key(0), CODES)
