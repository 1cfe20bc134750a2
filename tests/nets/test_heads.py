"""Critics with other heads, against NumPy on the features that they sow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random
from scipy.special import log_softmax

from genlab.config import ConfigError, build, spec
from genlab.nets import Discriminator, layers, mlp
from genlab.nets.heads import (
    AutoencodingDiscriminator,
    AuxiliaryDiscriminator,
    MarginDiscriminator,
    ProjectionDiscriminator,
    margin,
)

X = np.float32(np.random.default_rng(0).normal(size=(5, 2, 2, 1)))
LABELS = np.array([0, 1, 2, 2, 1])


def given(labels):
    """Labels as networks are given them."""
    return {"label": np.eye(3, dtype=np.float32)[np.asarray(labels)]}


def judged(make, x=X, labels=LABELS, **changes):
    """(logits, features, parameters) in float64 of a critic over a small trunk, under one jit."""
    net = make(mlp.Down((4,), activation="tanh"), **changes)

    def run(x, labels):
        variables = net.init(random.key(1), x, labels)
        y, state = net.apply(variables, x, labels, mutable=["intermediates"])
        return y, state["intermediates"]["features"][0], variables["params"]

    y, features, params = jax.jit(run)(x, labels if labels is None else given(labels))
    assert y.dtype == features.dtype == jnp.float32
    return jax.tree.map(lambda a: np.asarray(a, np.float64), (y, features, params))


def linear(params, features):
    return features @ params["kernel"] + params["bias"]


def trunk(params, x=X):
    flat = np.asarray(x, np.float64).reshape(len(x), -1)
    return np.tanh(linear(params["trunk"]["Dense_0"], flat))


def test_a_discriminator_sows_what_its_trunk_gives():
    y, features, params = judged(Discriminator)
    assert features.shape == (5, 4)
    np.testing.assert_allclose(y, linear(params["logit"], features)[:, 0], rtol=1e-5, atol=1e-6)
    plain = Discriminator(mlp.Down((4,)))
    assert set(jax.eval_shape(plain.init, random.key(0), X)) == {"params"}


def test_projection_adds_the_labels_inner_product():
    y, features, params = judged(ProjectionDiscriminator)
    np.testing.assert_allclose(features, trunk(params), rtol=1e-4, atol=1e-5)
    inner = (params["label"]["embedding"][LABELS] * features).sum(1)
    assert np.abs(inner).max() > 0.01
    np.testing.assert_allclose(
        y, linear(params["logit"], features)[:, 0] + inner, rtol=1e-4, atol=1e-5
    )


def test_the_auxiliary_classifier_gives_the_source_and_the_labels_log_probability():
    y, features, params = judged(AuxiliaryDiscriminator)
    np.testing.assert_allclose(features, trunk(params), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        y[:, 0], linear(params["logit"], features)[:, 0], rtol=1e-4, atol=1e-5
    )
    log_p = log_softmax(linear(params["label"], features), axis=1)
    np.testing.assert_allclose(y[:, 1], log_p[np.arange(5), LABELS], rtol=1e-4)


def test_margins_are_of_the_label_and_of_the_class_generated():
    y, features, params = judged(MarginDiscriminator)
    np.testing.assert_allclose(features, trunk(params), rtol=1e-4, atol=1e-5)
    scores = linear(params["scores"], features)
    assert scores.shape == (5, 4)
    for row, label, given in zip(scores, LABELS, y, strict=True):
        for k, got in ((label, given[0]), (3, given[1])):
            assert got == pytest.approx(row[k] - np.delete(row, k).max(), abs=1e-5)


def test_a_margin_has_a_finite_gradient_and_at_most_one_class_wins():
    scores = np.float32([[1.0, 3.0, -2.0], [1e30, -1e30, 0.0]])
    eye = np.eye(3, dtype=np.float32)

    @jax.jit
    def all_and_slopes(scores):
        made = [margin(scores, eye[[k, k]]) for k in range(3)]
        return made, jax.grad(lambda s: margin(s, eye[[1, 0]]).sum())(scores)

    made, grads = jax.device_get(all_and_slopes(scores))
    made = np.concatenate(made, axis=1)
    np.testing.assert_allclose(made, [[-2, 2, -5], [1e30, -2e30, -1e30]])
    np.testing.assert_array_equal(grads, [[-1, 1, 0], [1, 0, -1]])


@pytest.mark.parametrize(("norm", "error"), [("l2", np.square), ("l1", np.abs), (jnp.abs, np.abs)])
def test_the_autoencoders_logit_is_minus_its_error(norm, error):
    up = mlp.Up((2, 2, 1), (4,), activation="tanh")

    def make(down, **changes):
        return AutoencodingDiscriminator(down, up, norm=norm, latent=3, **changes)

    y, code, params = judged(make, labels=None)
    flat = np.asarray(X, np.float64).reshape(5, -1)
    expected = linear(params["code"], np.tanh(linear(params["down"]["Dense_0"], flat)))
    np.testing.assert_allclose(code, expected, rtol=1e-4, atol=1e-5)
    hidden = np.tanh(linear(params["up"]["Dense_0"], expected))
    difference = linear(params["up"]["out"], hidden) - flat
    np.testing.assert_allclose(y, -error(difference).mean(1), rtol=1e-4)


def test_the_autoencoder_rebuilds_the_image_and_not_the_label():
    net = AutoencodingDiscriminator(mlp.Down((4,)), mlp.Up((2, 2, 1), (4,)), latent=3)
    y, variables = jax.eval_shape(net.init_with_output, random.key(0), X, given(LABELS))
    assert variables["params"]["down"]["Dense_0"]["kernel"].shape == (8, 4) and y.shape == (5,)


@pytest.mark.parametrize(
    "make", [ProjectionDiscriminator, AuxiliaryDiscriminator, MarginDiscriminator]
)
def test_a_critic_of_labels_asks_for_them(make):
    with pytest.raises(ConfigError, match=r"given (none|nothing): name the column"):
        jax.eval_shape(make(mlp.Down((4,))).init, random.key(0), X)


@pytest.mark.parametrize(
    "make", [ProjectionDiscriminator, AuxiliaryDiscriminator, MarginDiscriminator]
)
def test_heads_are_specs_and_stay_in_float32(make):
    net = build(
        spec(
            make,
            spec(mlp.Down, (4,), dtype="bfloat16"),
            kernel_init=spec(jax.nn.initializers.normal, 0.02),
        )
    )
    y = jax.eval_shape(lambda x, y: net.init_with_output(random.key(0), x, y)[0], X, given(LABELS))
    assert y.dtype == jnp.float32
    assert layers.in_float32(net).trunk.dtype == "float32"
