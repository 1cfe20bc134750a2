"""The Vendi score: its extremes, its identities, and the authors' package."""

import numpy as np
import pytest
from metrics.golden import vendi as golden
from metrics.golden.case import compare

from genlab.metrics import vendi
from genlab.metrics.vendi import vendi_from_features, vendi_from_kernel

ORDERS = [0, 0.5, 1, 2, np.inf]


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


@pytest.mark.parametrize("order", ORDERS)
def test_n_unlike_samples_score_n_and_n_alike_one(order):
    assert vendi_from_kernel(np.eye(10), order) == pytest.approx(10, rel=1e-12)
    assert vendi_from_kernel(np.ones((10, 10)), order) == pytest.approx(1, rel=1e-6)
    assert vendi_from_features(np.eye(6), order) == pytest.approx(6, rel=1e-12)


def test_unequal_groups_score_their_effective_number():
    """Groups of shares s without likeness between them: exp H(s), 1 / max s, (sum s^2)^-1."""
    sizes = np.array([6, 3, 1])
    kernel = np.kron(np.eye(3), np.ones((6, 6)))
    kept = np.concatenate([6 * i + np.arange(n) for i, n in enumerate(sizes)])
    kernel, s = kernel[np.ix_(kept, kept)], sizes / 10
    assert vendi_from_kernel(kernel) == pytest.approx(np.exp(-(s * np.log(s)).sum()), rel=1e-12)
    assert vendi_from_kernel(kernel, np.inf) == pytest.approx(1 / 0.6, rel=1e-12)
    assert vendi_from_kernel(kernel, 2) == pytest.approx(1 / (s**2).sum(), rel=1e-12)
    assert vendi_from_kernel(kernel, 0) == pytest.approx(3, rel=1e-12)
    features = np.repeat(np.eye(3), sizes, axis=0) * [[5.0]]
    assert vendi_from_features(features) == pytest.approx(vendi_from_kernel(kernel), rel=1e-12)


def test_the_dual_form_equals_the_kernels_in_any_blocks(monkeypatch):
    x = np.random.default_rng(0).normal(size=(70, 9)).astype(np.float32)
    units = x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    monkeypatch.setattr(vendi, "ROWS", 16)
    for order in ORDERS:
        expected = vendi_from_kernel(units @ units.T, order)
        assert vendi_from_features(x, order) == pytest.approx(expected, rel=1e-8)


def test_scale_rotation_order_of_rows_and_repetition_change_nothing():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    expected = vendi_from_features(x)
    changed = rng.permutation(x @ turn * rng.uniform(0.1, 9, size=(40, 1)))
    assert vendi_from_features(changed) == pytest.approx(expected, rel=1e-10)
    assert vendi_from_features(np.repeat(x, 3, axis=0)) == pytest.approx(expected, rel=1e-10)


def test_higher_orders_count_fewer():
    x = np.random.default_rng(2).normal(size=(30, 8)) * np.arange(1, 9)
    found = [vendi_from_features(x, order) for order in ORDERS]
    assert found[0] == pytest.approx(8) and (np.diff(found) < 0).all()


def test_collapse_is_seen():
    x = np.random.default_rng(3).normal(size=(200, 20))
    assert vendi_from_features(x[np.arange(200) % 3]) < 3 < 15 < vendi_from_features(x)


X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vendi_from_kernel(X), r"\(5, 3\); expected \[N, N\]"),
        (lambda: vendi_from_kernel(2 * np.eye(3)), "diagonal is off 1 by 1"),
        (lambda: vendi_from_kernel([[1, 0.5], [0, 1]]), "not symmetric"),
        (lambda: vendi_from_kernel([[1, 2], [2, 1]]), "eigenvalue -0.5 N"),
        (lambda: vendi_from_kernel(np.eye(2), -1), "order is -1"),
        (lambda: vendi_from_kernel(np.eye(2) * np.nan), "diagonal"),
        (lambda: vendi_from_features(X[0]), r"\(3,\); expected \[N, D\]"),
        (lambda: vendi_from_features(0 * X), "5 rows of features are all 0"),
        (lambda: vendi_from_features(X * np.inf), "NaN or infinity"),
    ],
)
def test_refuses_what_it_cannot_measure(call, message):
    with pytest.raises(ValueError, match=message):
        call()
