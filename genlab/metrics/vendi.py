"""The Vendi score: the effective number of distinct samples in a set, without reference data."""

import numpy as np
from jaxtyping import Float, Real

ROWS = 4096  # of features made float64 at once


def vendi_from_kernel(kernel: Real[np.ndarray, "n n"], order: float = 1.0) -> float:
    """The effective number of distinct samples, 1 to N, from their similarities `kernel`.

    Friedman & Dieng 2023 (arXiv:2210.02410): the exponential of the entropy of the
    eigenvalues of kernel / N, where a sample's similarity to itself is 1. `order` is that of the
    Renyi entropy (Pasarkar & Dieng 2023, arXiv:2310.12952): 1 is Shannon's, numpy.inf uses only
    the largest eigenvalue, and orders below 1 give rare samples more weight. Raises ValueError for
    another shape, a kernel that is not symmetric with ones on its diagonal or is indefinite, and a
    negative order.
    """
    kernel = np.asarray(kernel, np.float64)
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or not kernel.size:
        raise ValueError(
            f"the kernel has shape {kernel.shape}; expected [N, N], the similarity of each sample "
            "to each: of features, use vendi_from_features"
        )
    ones = np.abs(np.diagonal(kernel) - 1).max()
    if not ones < 1e-6 or not np.allclose(kernel, kernel.T, rtol=0, atol=1e-8):
        raise ValueError(
            f"the kernel's diagonal is off 1 by {ones:.3g}, or it is not symmetric; expected "
            "k(x, x) = 1 and k(x, y) = k(y, x): divide by the roots of its diagonal"
        )
    return _effective(np.linalg.eigvalsh(kernel / len(kernel)), order)


def vendi_from_features(x: Real[np.ndarray, "n d"], order: float = 1.0) -> float:
    """The Vendi score of features `x` under the cosine kernel, 1 to min(N, D).

    The eigenvalues that are not 0 are those of the smaller of the kernel and the covariance of the
    unit rows (Friedman & Dieng 2023, arXiv:2210.02410), so N may be large where D is
    some thousand. Raises ValueError for another rank, an empty set, NaN or infinity, and for rows
    that are all 0, which have no direction.
    """
    x = np.asarray(x)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"features have shape {x.shape}; expected [N, D], neither of them 0: "
            "flatten images to rows, or pass them through a feature network first"
        )
    n, d = x.shape
    if n <= d:
        units = _units(x)
        return _effective(np.linalg.eigvalsh(units @ units.T / n), order)
    scatter = np.zeros((d, d))
    for start in range(0, n, ROWS):
        units = _units(x[start : start + ROWS])
        scatter += units.T @ units
    return _effective(np.linalg.eigvalsh(scatter / n), order)


def _units(x: Real[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows of length 1, float64."""
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(
            "features hold NaN or infinity; expected finite numbers: look at the samples and the "
            "feature network that made them"
        )
    largest = np.abs(x).max(axis=1, keepdims=True)
    x = np.ldexp(x, -np.frexp(largest)[1])  # by powers of two: squares fit, and no digit changes
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(
            f"{int((lengths == 0).sum())} rows of features are all 0, which have no cosine with "
            "others: leave them out, or give a kernel that is defined there"
        )
    return x / lengths


def _effective(shares: Float[np.ndarray, " k"], order: float) -> float:
    """exp of the Renyi entropy of eigenvalues that sum to 1; rounding errors are dropped."""
    if not order >= 0:
        raise ValueError(f"order is {order}; expected one from 0 up, 1 for Shannon's entropy")
    noise = len(shares) * np.finfo(np.float64).eps * shares[-1]
    if shares[0] < -max(1e-6, noise):
        raise ValueError(
            f"the kernel has the eigenvalue {shares[0]:.3g} N; expected none below 0: give a "
            "positive semi-definite similarity, such as a cosine or a Gaussian"
        )
    shares = shares[shares > noise]
    if order == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    if np.isinf(order):
        return float(1 / shares.max())
    return float(((shares**order).sum()) ** (1 / (1 - order)))
