"""Features near the ends of what float64 holds: scores are those of the same features scaled, or
refused by name.
"""

import ml_dtypes
import numpy as np
import pytest

from genlab.metrics.bins import ndb
from genlab.metrics.curves import prd
from genlab.metrics.frechet import Moments, frechet_distance, frechet_from_moments, moments
from genlab.metrics.kernel import gaussian, kernel_distance, median_bandwidth, mmd, polynomial
from genlab.metrics.neighbours import (
    authenticity,
    density_coverage,
    memorisation,
    nearest,
    precision_recall,
)
from genlab.metrics.transport import (
    directions,
    image_sliced_wasserstein,
    sliced_wasserstein,
    wasserstein,
)
from genlab.metrics.two_sample import mmd_test, nearest_neighbour_test
from genlab.metrics.vendi import vendi_from_features

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(30, 4)), RNG.normal(size=(30, 4)) + 0.5
LINES = directions(4, 10)
FREE = {  # of the scale of the features
    "precision_recall": precision_recall,
    "density_coverage": density_coverage,
    "authenticity": authenticity,
    "memorisation": lambda x, y: memorisation(x, y[::2], y[1::2])[:2],
    "nearest, index": lambda x, y: tuple(nearest(x, y)[0]),
    "nearest_neighbour_test": nearest_neighbour_test,
    "mmd_test": lambda x, y: mmd_test(x, y, permutations=50)[:2],
    "vendi": lambda x, y: (vendi_from_features(x),),
    "prd": lambda x, y: prd(x, y, 4, 11, 1).precision,
    "ndb": lambda x, y: ndb(x, y, 4)[:2],
}
DISTANCES = {  # in units of the features
    "nearest, distance": lambda x, y: nearest(x, y)[1],
    "wasserstein": wasserstein,
    "wasserstein, p = 2": lambda x, y: wasserstein(x, y, 2),
    "wasserstein of unequal sets": lambda x, y: wasserstein(x, y[:20]),
    "wasserstein, p = 100": lambda x, y: wasserstein(x, y, 100),
    "sliced_wasserstein, p = 2": lambda x, y: sliced_wasserstein(x, y, LINES, 2),
    "median_bandwidth": median_bandwidth,
}
SIZES = pytest.mark.parametrize("exponent", [-700, 700], ids=["tiny", "huge"])


@pytest.mark.parametrize("name", FREE)
@SIZES
def test_a_score_without_a_unit_does_not_depend_on_the_scale(name, exponent):
    score = FREE[name]
    found = score(np.ldexp(REAL, exponent), np.ldexp(FAKE, exponent))
    np.testing.assert_allclose(found, score(REAL, FAKE), rtol=1e-9)


@SIZES
@pytest.mark.parametrize("name", DISTANCES)
def test_a_distance_is_in_units_of_the_features(name, exponent):
    score = DISTANCES[name]
    found = score(np.ldexp(REAL, exponent), np.ldexp(FAKE, exponent))
    np.testing.assert_allclose(np.ldexp(found, -exponent), score(REAL, FAKE), rtol=1e-9)


def test_the_vendi_score_takes_rows_of_any_lengths():
    lengths = np.logspace(-300, 300, 30)[:, None]
    np.testing.assert_allclose(
        vendi_from_features(REAL * lengths), vendi_from_features(REAL), rtol=1e-9
    )


def test_patches_of_huge_images_are_normalised_as_any_are():
    images = RNG.uniform(size=(2, 4, 16, 16, 1))
    found = image_sliced_wasserstein(*np.ldexp(images, 700))
    np.testing.assert_allclose(found.levels, image_sliced_wasserstein(*images).levels, rtol=1e-5)


HUGE = 1e200 * REAL
NOT_FINITE = r"the kernel gives NaN or infinity for features that reach \d.*e\+200"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frechet_distance(HUGE, HUGE), r"features reach .*e\+200.*divide both sets"),
        (lambda: moments(HUGE), r"features reach .*e\+200"),
        (lambda: mmd(HUGE, HUGE, polynomial()), NOT_FINITE),
        (lambda: mmd(HUGE, HUGE, gaussian(1.0)), NOT_FINITE),
        (lambda: kernel_distance(HUGE, HUGE, 2, 20), NOT_FINITE),
        (lambda: mmd_test(HUGE, HUGE, polynomial()), NOT_FINITE),
        (lambda: mmd_test(REAL, FAKE, lambda x, y: np.full((60, 60), np.nan)), "NaN or infinity"),
        (
            lambda: frechet_from_moments(Moments(9, np.zeros(2), np.full((2, 2), np.nan)), A),
            "moments hold NaN or infinity",
        ),
        (lambda: wasserstein(REAL, FAKE, np.inf), "p is inf; expected 1 or more.*at most 100"),
        (lambda: sliced_wasserstein(REAL, FAKE, LINES, 101), r"p is 101; .*give 1 or 2"),
    ],
)
def test_what_float64_cannot_hold_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


A = moments(REAL[:, :2])


@pytest.mark.parametrize("name", [*FREE, *DISTANCES, "mmd", "kernel_distance", "frechet_distance"])
def test_bfloat16_features_are_scored_as_the_numbers_they_are(name):
    scores = {
        **FREE,
        **DISTANCES,
        "mmd": lambda x, y: mmd(x, y, gaussian(1.0)),
        "kernel_distance": lambda x, y: kernel_distance(x, y, 2, 20),
        "frechet_distance": frechet_distance,
    }
    x, y = REAL.astype(ml_dtypes.bfloat16), FAKE.astype(ml_dtypes.bfloat16)
    expected = scores[name](x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(scores[name](x, y), expected, rtol=1e-5)
