"""The sequence VAE: its likelihood sums to one over all texts, its words depend on those before."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError
from genlab.methods import SequenceVAE
from genlab.methods.sequence_vae import before, log_probability
from genlab.nets import Encoder, recurrent

V, L, LATENT = 3, 3, 2
TEXTS = [
    text + (0,) * (L - len(text))
    for n in range(L + 1)
    for text in itertools.product(range(1, V), repeat=n)
]
X = np.eye(V, dtype=np.float32)[np.array(TEXTS)].reshape(len(TEXTS), -1)


def method(**fields):
    encoder = Encoder(recurrent.Down(V, 4), LATENT)
    return SequenceVAE(encoder, recurrent.Decoder(V, L, 4), **fields)


@pytest.fixture(scope="module")
def params():
    start, _ = tiny.parameters(method().init, {"text": X})
    return jax.tree.map(lambda x: 2 * x + np.float32(0.1), start)


def test_the_likelihood_sums_to_one_over_all_texts(params):
    """Of up to three words of two, and the empty one: 15."""
    of = method()

    @jax.jit
    def seen(params):
        z = jnp.broadcast_to(jnp.array([[0.5, -1.0]]), (len(X), LATENT))
        likelihood = of.log_likelihood(params, {}, X, z)
        made = of.generate(params, {}, z[:1])
        weight = of.log_weight(params, {}, X, random.key(1))
        loss, (_, terms) = of.loss(params, {}, {"text": X}, random.key(1), jnp.asarray(0))
        return likelihood, made, weight, loss, terms, of.unit_kl(params, {}, X).sum(1).mean()

    likelihood, made, weight, loss, terms, kl = seen(params)
    assert len(TEXTS) == 15
    np.testing.assert_allclose(np.exp(np.float64(likelihood)).sum(), 1, rtol=1e-5)
    word = int(np.asarray(made).reshape(L, V)[0].argmax())
    firsts = [np.exp(np.float64(likelihood))[[t[0] == w for t in TEXTS]].sum() for w in range(V)]
    assert word == int(np.argmax(firsts))
    np.testing.assert_allclose(loss, terms["distortion"] + terms["kl"], rtol=1e-6)
    np.testing.assert_allclose(terms["kl"], kl, rtol=1e-5)
    assert abs(loss + weight.mean()) < 2


def test_words_before_are_shifted_dropped_and_marked():
    words = np.eye(V, dtype=np.float32)[[[1, 2, 0]]]
    given, whole = jax.jit(lambda x, kept: (before(x, kept), before(x)))(
        words, np.array([[True, False, True]])
    )
    np.testing.assert_array_equal(given[0], [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(np.asarray(whole)[0, 1:], np.eye(V + 1)[[1, 2]])


def test_a_text_ends_with_the_first_word_that_is_none():
    words = np.eye(V, dtype=np.float32)[[[1, 2, 1], [1, 0, 0], [0, 0, 0]]]
    found = jax.jit(log_probability)(np.zeros((3, L, V), np.float32), words)
    np.testing.assert_allclose(found, [-n * np.log(V) for n in (3, 2, 1)], rtol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="share of the words"):
        method(word_dropout=1.5)
    with pytest.raises(ConfigError, match=r"set method.decoder.length=2"):
        jax.eval_shape(method().init, random.key(0), {"text": jnp.zeros((2, 2 * V))})
    with pytest.raises(ConfigError, match="no whole words"):
        jax.eval_shape(method().init, random.key(0), {"text": jnp.zeros((2, 7))})
