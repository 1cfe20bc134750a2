"""A trained generator's latents searched for what is known of a picture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab.config import ConfigError, build
from genlab.data import digits
from genlab.editing.inversion import Optimisation
from genlab.editing.restoring import when_shrunk, where_known, with_holes
from genlab.sampling.editor import Editor
from genlab.sampling.restoring import enlarged, filled

RNG = np.random.default_rng(0)
A, B = RNG.uniform(-1, 1, (2, 3, 4, 4, 2))


def test_distances_are_of_what_is_known():
    small = A.reshape(3, 2, 2, 2, 2, 2).mean((2, 4))
    of_b = B.reshape(3, 2, 2, 2, 2, 2).mean((2, 4))
    found = jax.jit(when_shrunk(2))(np.float32(B), np.float32(small))
    np.testing.assert_allclose(found, ((of_b - small) ** 2).mean((1, 2, 3)), rtol=1e-5)
    holes = RNG.random((3, 4, 4, 1)) < 0.4
    known = np.broadcast_to(~holes, A.shape)
    expected = [((A - B) ** 2)[i][known[i]].mean() for i in range(3)]
    found = jax.jit(lambda a, b: where_known(b, with_holes(a, holes)))(*np.float32([A, B]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert when_shrunk(2) is when_shrunk(2)  # a program is compiled once
    with pytest.raises(ConfigError, match="give another factor"):
        when_shrunk(4)(np.float32(B), np.float32(small))


@pytest.mark.slow
def test_what_a_generator_made_is_found_again_from_a_part_of_it():
    method = build(tiny.gan().method)
    x = jnp.zeros((2, *tiny.SHAPE))
    params, stats = jax.jit(method.init)(random.key(0), {"image": x})
    editor = Editor(method, digits(), params, stats)
    z = method.latents(random.key(5), 2)
    z *= np.sqrt(8) / jnp.linalg.norm(z, axis=1, keepdims=True)  # on the sphere that is searched
    made = np.asarray(method.generate(params, stats, z))
    stored = digits().columns["image"].store(made)
    settings = Optimisation(steps=150, starts=1, sphere=True)
    small = made.reshape(2, 4, 2, 4, 2, 1).mean((2, 4))
    found = enlarged(editor, small, settings=settings)
    first = enlarged(editor, small, settings=Optimisation(steps=0, starts=1, sphere=True))
    assert found.examples.shape == stored.shape and (found.loss < first.loss).all()
    np.testing.assert_allclose(np.linalg.norm(found.latents, axis=1), np.sqrt(8), rtol=1e-4)
    holes = np.zeros((2, 8, 8, 1), bool)
    holes[:, 2:5, 2:5] = True
    pictures, _ = filled(editor, np.where(holes, 128, stored), holes, settings=settings)
    np.testing.assert_array_equal(np.where(holes, 0, pictures), np.where(holes, 0, stored))
    with pytest.raises(ConfigError, match="a multiple"):
        enlarged(editor, np.zeros((2, 3, 3, 1), np.float32))
