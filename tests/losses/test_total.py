import jax.numpy as jnp
import numpy as np
import optax
import pytest

from genlab.losses import total


def test_weighs_means_and_logs_every_term_unweighted():
    terms = {"a": jnp.asarray([1.0, 3.0]), "b": jnp.asarray([[1.0, 1.0]])}
    loss, logged = total(terms, {"b": 10.0}, jnp.asarray(0))
    assert loss == 2 + 10
    assert logged == {"loss": 12, "a": 2, "b": 1}


def test_a_weight_may_follow_a_schedule():
    ramp = optax.linear_schedule(0.0, 1.0, 10)
    values = [
        total({"kl": jnp.ones(1)}, {"kl": ramp}, jnp.asarray(step))[0] for step in (0, 5, 10, 20)
    ]
    np.testing.assert_allclose(values, [0, 0.5, 1, 1])


def test_a_weight_without_a_term_is_a_mistake():
    with pytest.raises(ValueError, match="'kll', but the terms are kl"):
        total({"kl": jnp.ones(1)}, {"kll": 1.0}, jnp.asarray(0))
