"""The Inception score: its extremes, an oracle, and torch-fidelity."""

import numpy as np
import pytest
from metrics.golden import class_scores as golden
from metrics.golden.case import compare

from genlab.metrics.class_scores import inception_score


def draw(n, k, seed=0):
    return 2 * np.random.default_rng(seed).normal(size=(n, k))


def test_sure_answers_evenly_over_all_classes_score_their_number():
    sure = 1e4 * np.eye(10)[np.arange(200) % 10]
    np.testing.assert_allclose(inception_score(sure, splits=1), (10.0, 0.0), rtol=1e-12)


def test_one_answer_for_all_scores_one_be_it_sure_or_not():
    for row in (np.zeros(10), np.arange(10.0), 1e4 * np.eye(10)[0]):
        np.testing.assert_allclose(inception_score(np.tile(row, (30, 1)), 3), (1, 0), atol=1e-12)


def test_lies_between_one_and_the_number_of_classes_and_ignores_shifts_of_the_logits():
    logits = draw(100, 7)
    mean, _ = inception_score(logits)
    assert 1 < mean < 7
    np.testing.assert_allclose(inception_score(logits + draw(100, 1))[0], mean, rtol=1e-10)


def test_is_the_exponent_of_the_mutual_information_of_each_split():
    """H(mean p) - mean H(p), whatever the rows' order inside a split."""
    p = np.exp(draw(90, 5))
    p /= p.sum(axis=1, keepdims=True)

    def entropy(q):
        return -(q * np.log(q)).sum(axis=-1)

    order = np.random.RandomState(4).permutation(90)
    parts = np.split(p[order], 3)
    scores = [np.exp(entropy(part.mean(axis=0)) - entropy(part).mean()) for part in parts]
    found = inception_score(np.log(p), splits=3, seed=4)
    np.testing.assert_allclose(found, (np.mean(scores), np.std(scores)), rtol=1e-10)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.ones(10), r"\(10,\), for 10 splits; expected \[N, K\]"),
        (np.ones((9, 10)), r"\(9, 10\), for 10 splits.*fewer splits"),
        (np.full((20, 3), np.inf), "NaN or infinity"),
    ],
)
def test_refuses_what_are_no_logits(logits, message):
    with pytest.raises(ValueError, match=message):
        inception_score(logits)


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance
