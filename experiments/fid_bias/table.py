"""Two models whose estimated Frechet distances are in the wrong order.

Binkowski et al. 2018, arXiv:1801.01401, Appendix D: P1 = relu N(0, I), P2 = relu N(1, 0.8 S +
0.2 I) with S = 4 / d C C^T and C of d x d standard normal entries, and the data Q = relu N(1, I).
P2 is nearer to Q and has the worse estimate.

Run:    python experiments/fid_bias/table.py [--size 2048 --count 50000 --seeds 3 --points 7]
Writes: experiments/fid_bias/results/fid_bias.md (5 to 20 minutes on 2 CPU cores, 2 GB)
"""

import argparse
import os
import platform
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy
from scipy.stats import norm, t

from genlab.metrics.frechet import (
    Extrapolation,
    Moments,
    fd_infinity_from_moments,
    frechet_from_moments,
    moments,
)
from genlab.metrics.kernel import KernelDistance, kernel_distance

RESULTS = Path(__file__).parent / "results"
EXACT = 10**9  # count assigned to exact moments; it cancels
DATA_SEED = 1000  # of Q's samples, different from the models'


class Law(NamedTuple):
    """The distribution of relu(x), x normal with mean `mean` in every entry and covariance `root`
    root^T, or I without a root.
    """

    mean: float
    root: np.ndarray | None

    def sample(self, size: int, count: int, seed: int) -> np.ndarray:
        """[count, size], float32 as features of a network are."""
        rng, found = np.random.default_rng(seed), np.empty((count, size), np.float32)
        root = None if self.root is None else self.root.T.astype(np.float32)
        for start in range(0, count, 1000):
            drawn = rng.standard_normal(found[start : start + 1000].shape, np.float32)
            x = drawn if root is None else drawn @ root
            found[start : start + 1000] = np.maximum(x + np.float32(self.mean), 0)
        return found


class Row(NamedTuple):
    """Exact and estimated distances of one model."""

    exact: float
    estimates: np.ndarray
    infinity: Extrapolation
    kernel: KernelDistance


def rectified(mean: float, covariance: np.ndarray) -> Moments:
    """The exact moments of relu(x) for x normal with `mean` in every entry and `covariance`.

    Diagonals in closed form. Off it, Hermite series: for unit normals of correlation r,
    cov(f(u), g(v)) = sum over k >= 1 of r^k E[f He_k] E[g He_k] / k! (Mehler), and for
    f(u) = relu(mean + s u) integrating by parts gives E[f He_1] = s Phi(-a) and
    E[f He_k] = s phi(a) He_{k-2}(a), a = -mean / s.
    """
    s = np.sqrt(np.diagonal(covariance))
    a = -mean / s
    first = mean * norm.sf(a) + s * norm.pdf(a)
    second = (mean**2 + s**2) * norm.sf(a) + mean * s * norm.pdf(a)
    r = covariance / np.outer(s, s)
    np.fill_diagonal(r, 0.0)
    found = np.outer(s * norm.sf(a), s * norm.sf(a)) * r
    power, before, now, k = r.copy(), np.zeros_like(a), np.ones_like(a), 2
    while np.abs(power := power * r).max() > 1e-17:
        term = s * norm.pdf(a) * now / np.sqrt(k * (k - 1))  # now = He_{k-2}(a) / sqrt((k-2)!)
        found += np.outer(term, term) * power
        before, now = now, (a * now - np.sqrt(k - 2) * before) / np.sqrt(k - 1)
        k += 1
    np.fill_diagonal(found, second - first**2)
    return Moments(EXACT, first, found * (EXACT - 1))


def measure(size: int, count: int, seeds: Sequence[int], points: int) -> dict[str, Row]:
    """Both models against Q, with exact moments of Q except in the kernel distance."""
    c = np.random.default_rng(0).normal(size=(size, size))
    covariance = 0.8 * 4 / size * (c @ c.T) + 0.2 * np.eye(size)
    q = rectified(1.0, np.eye(size))
    models = {
        "P1": (Law(0.0, None), rectified(0.0, np.eye(size))),
        "P2": (Law(1.0, np.linalg.cholesky(covariance)), rectified(1.0, covariance)),
    }
    found = {}
    for name, (law, truth) in models.items():
        estimates = []
        for seed in seeds:
            x = law.sample(size, count, seed)
            estimates.append(frechet_from_moments(q, moments(x)))
        infinity = fd_infinity_from_moments(q, x, count // 10, points)  # of the last seed
        data = Law(1.0, None).sample(size, count, DATA_SEED)
        kernel = kernel_distance(data, x, subsets=100, size=min(1000, count))
        exact = frechet_from_moments(q, truth)
        found[name] = Row(exact, np.array(estimates), infinity, kernel)
    return found


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval of Student's t."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.2f} ± {half:.2f}"


def verdict(rows: dict[str, Row], count: int) -> str:
    """One sentence on the order of the distances, made from the numbers."""
    p1, p2 = rows["P1"], rows["P2"]
    nearer = "P2" if p2.exact < p1.exact else "P1"
    better = "P2" if p2.estimates.mean() < p1.estimates.mean() else "P1"
    apart = p1.estimates.max() < p2.estimates.min() or p2.estimates.max() < p1.estimates.min()
    line = "P2" if p2.infinity.value < p1.infinity.value else "P1"
    return (
        f"{nearer} is the nearer to Q, and by its estimate from {count:,} samples "
        f"{better} seems so, {'in every seed' if apart else 'on average'}: "
        + ("the bias reverses the order. " if nearer != better else "the order is right. ")
        + f"Extrapolated, {line} is the nearer, "
        + ("as it is." if line == nearer else "which is wrong too.")
    )


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("size", 2048), ("count", 50_000), ("seeds", 3), ("points", 7)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    started = time.perf_counter()
    rows = measure(asked.size, asked.count, range(asked.seeds), asked.points)
    seconds = time.perf_counter() - started
    gibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines = [
        "# The bias of the Frechet distance reverses an order",
        "",
        f"Made by `python experiments/fid_bias/table.py --size {asked.size} --count {asked.count} "
        f"--seeds {asked.seeds} --points {asked.points}`: d = {asked.size}, "
        f"{asked.count:,} samples of each model, seeds 0 to {asked.seeds - 1}, C of seed 0, Q's "
        "moments exact. Estimates are the mean and the 95 % t-interval over seeds. FD∞ is "
        f"`fd_infinity_from_moments` of the last seed, {asked.points} counts from "
        f"{asked.count // 10:,} up; the kernel distance is the mean ± deviation over 100 subsets "
        "of at most 1,000 of the last seed's samples "
        f"and as many of Q (seed {DATA_SEED}).",
        "",
        "| model | exact FD to Q | estimated FD | bias | FD∞ | kernel distance |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {row.exact:.2f} | {interval(row.estimates)} "
            f"| {row.estimates.mean() - row.exact:.2f} | {row.infinity.value:.2f} "
            f"| {row.kernel.mean:.4f} ± {row.kernel.std:.4f} |"
            for name, row in rows.items()
        ),
        "",
        verdict(rows, asked.count),
        "",
        f"{seconds:.0f} seconds and {gibibytes:.1f} GiB at most on {os.cpu_count()} CPU cores, "
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}.",
    ]
    (RESULTS / "fid_bias.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
