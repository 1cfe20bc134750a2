"""The experiment on the Frechet distance's bias: exact moments, and the reversal made small."""

import importlib.util
from pathlib import Path

import numpy as np

from genlab.metrics.frechet import moments

TABLE = Path(__file__).parents[2] / "experiments" / "fid_bias" / "table.py"
_spec = importlib.util.spec_from_file_location("fid_bias_table", TABLE)
fid_bias = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fid_bias)


def draw(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_rectified_normals_have_the_moments_of_their_samples():
    """The exact side of the table."""
    c = draw(5, 5)
    covariance = c @ c.T + np.eye(5)
    law = fid_bias.Law(0.5, np.linalg.cholesky(covariance))
    exact, found = fid_bias.rectified(0.5, covariance), moments(law.sample(5, 200_000, 0))
    np.testing.assert_allclose(exact.mean, found.mean, atol=0.02)
    np.testing.assert_allclose(exact.covariance, found.covariance, atol=0.15)
    np.testing.assert_allclose(
        np.diagonal(fid_bias.rectified(0.0, np.eye(2)).covariance), 0.5 - 0.5 / np.pi
    )


def test_the_bias_reverses_the_order_of_the_smaller_example_too():
    rows = fid_bias.measure(64, 200, range(3), 4)
    p1, p2 = rows["P1"], rows["P2"]
    assert p2.exact < p1.exact and p1.estimates.max() < p2.estimates.min()
    assert "the bias reverses the order" in fid_bias.verdict(rows, 200)
    assert p2.kernel.mean < p1.kernel.mean
