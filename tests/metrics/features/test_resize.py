"""The three resizes: as their references have them, and what each does to a ramp and to a flat."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from metrics.golden import resize as golden
from metrics.golden.case import compare

from genlab.config import ConfigError
from genlab.features import resize as resizes
from genlab.features.resize import KINDS, coloured

RNG = np.random.default_rng(0)
resize = jax.jit(resizes.resize, static_argnums=(1, 2))


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_as_the_references_have_it(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


@pytest.mark.parametrize("kind", KINDS)
def test_a_flat_image_stays_flat_and_the_same_size_stays_the_same(kind):
    flat = np.full((1, 7, 9, 3), 200, np.uint8)
    np.testing.assert_allclose(resize(flat, 12, kind), 200, rtol=1e-6)
    images = RNG.integers(0, 256, (2, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(resize(images, 8, kind), images, atol=1e-4)


def test_where_the_pixels_of_a_ramp_come_from():
    """On a ramp the value is the place: i H / size for "tf1", (i + 1/2) H / size - 1/2 for "torch",
    both kept inside.
    """
    ramp = np.tile(np.arange(8, dtype=np.uint8)[None, :, None, None], (1, 1, 8, 1))
    i = np.arange(16)
    for kind, place in {"tf1": i / 2, "torch": (i + 0.5) / 2 - 0.5}.items():
        found = np.asarray(resize(ramp, 16, kind))[0, :, 3, 0]
        np.testing.assert_allclose(found, np.clip(place, 0, 7), atol=1e-6)


def test_only_clean_looks_at_every_pixel_when_it_shrinks():
    """Stripes of one pixel: bilinear sees some of them, antialiasing their mean."""
    stripes = np.zeros((1, 32, 32, 1), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(np.asarray(resize(stripes, 4, "clean"))[:, 1:-1, 1:-1]) < 10
    seen = np.asarray(resize(stripes, 4, "tf1"))
    assert seen.min() == 255  # none but the white ones


def test_clean_is_clipped():
    edge = np.zeros((1, 8, 8, 1), np.uint8)
    edge[:, 4:] = 255
    found = np.asarray(resize(edge, 32, "clean"))
    assert found.min() == 0 and found.max() == 255  # the cubic overshoots


def test_greyscale_is_repeated():
    grey = RNG.integers(0, 256, (2, 8, 8, 1), np.uint8)
    found = np.asarray(resize(grey, 12, "tf1"))
    assert found.shape == (2, 12, 12, 3)
    assert (found == found[..., :1]).all()
    assert jax.eval_shape(coloured, grey).dtype == jnp.uint8


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"float32.*quantise first"):
        resize(np.zeros((1, 8, 8, 3), np.float32), 8, "tf1")
    for shape in [(8, 8, 3), (1, 8, 8, 4), (1, 8, 8, 2)]:
        with pytest.raises(ValueError, match=r"not \[N, H, W, 1 or 3\]"):
            resize(np.zeros(shape, np.uint8), 8, "tf1")
    with pytest.raises(ConfigError, match="no resize 'tf'; did you mean 'tf1'"):
        resize(np.zeros((1, 8, 8, 3), np.uint8), 8, "tf")
