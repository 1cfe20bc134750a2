"""The scores of `disentanglement.py` by disentanglement_lib, run by the Python of its own
environment: codes and factors of a full grid in the file named, a line of JSON out.

disentanglement_lib binds its settings by gin, whose import needs TensorFlow. The scores use
neither: settings are given here as arguments, those of the study (Locatello et al. 2019,
arXiv:1811.12359).
"""

import json
import statistics
import sys
import time
import types

import numpy as np

gin = types.ModuleType("gin")
gin.REQUIRED, gin.tf = None, gin
gin.configurable = lambda *names, **options: lambda fn: fn
sys.modules |= {"gin": gin, "gin.tf": gin}

from disentanglement_lib.evaluation.metrics import (  # noqa: E402
    beta_vae,
    dci,
    factor_vae,
    irs,
    mig,
    modularity_explicitness,
    sap_score,
    utils,
)

VOTES, ROWS, BINS, CALLS = 800, 64, 20, 5
utils.make_discretizer = lambda target: utils._histogram_discretize(target, BINS)


class Grid:
    """Ground truth whose observations are the places of combinations, and their codes."""

    def __init__(self, codes: np.ndarray, factors: np.ndarray):
        self.codes, self.sizes = codes, factors.max(axis=0) + 1
        self.num_factors = len(self.sizes)

    def sample_factors(self, count: int, random: np.random.RandomState) -> np.ndarray:
        """Drawn evenly."""
        return np.stack([random.randint(size, size=count) for size in self.sizes], axis=1)

    def sample_observations_from_factors(self, factors, random) -> np.ndarray:
        """The place of each combination."""
        return np.ravel_multi_index(tuple(factors.T), tuple(self.sizes))

    def sample_observations(self, count: int, random: np.random.RandomState) -> np.ndarray:
        """Of combinations drawn evenly."""
        return self.sample_observations_from_factors(self.sample_factors(count, random), random)

    def encode(self, places: np.ndarray) -> np.ndarray:
        """The codes of places."""
        return self.codes[places]


def scores(codes: np.ndarray, factors: np.ndarray, importance: np.ndarray) -> dict:
    """What makes each score."""
    mus, ys, grid = codes.T, factors.T, Grid(codes, factors)
    of_grid = lambda compute, **more: compute(  # noqa: E731
        grid, grid.encode, np.random.RandomState(0), batch_size=ROWS, num_train=VOTES,
        num_eval=VOTES, **more,
    )["eval_accuracy"]  # fmt: skip
    return {
        "mig": lambda: mig._compute_mig(mus, ys)["discrete_mig"],
        "modularity": lambda: modularity_explicitness.modularity(
            utils.discrete_mutual_info(utils.make_discretizer(mus), ys)
        ),
        "disentanglement": lambda: dci.disentanglement(importance),
        "completeness": lambda: dci.completeness(importance),
        "sap": lambda: sap_score._compute_sap(mus, ys, mus, ys, True)["SAP_score"],
        "irs": lambda: irs.scalable_disentanglement_score(factors, codes)["avg_score"],
        "factor_vae_score": lambda: of_grid(
            factor_vae.compute_factor_vae, num_variance_estimate=len(codes)
        ),
        "beta_vae_score": lambda: of_grid(beta_vae.compute_beta_vae_sklearn),
    }


def main() -> None:
    """Value and seconds of each, as `disentanglement.measured` takes them."""
    with np.load(sys.argv[1]) as held:
        made = scores(held["codes"], held["factors"], held["importance"])
    found = {}
    for name, score in made.items():
        value, seconds = float(score()), []
        for _ in range(CALLS):
            started = time.perf_counter()
            score()
            seconds.append(time.perf_counter() - started)
        found[name] = {"value": value, "seconds": statistics.median(seconds)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
