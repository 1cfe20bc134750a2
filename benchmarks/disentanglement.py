"""Scores of disentanglement against disentanglement_lib's, on the same codes: values and time.

Run:    python -m venv lib && lib/bin/pip install --no-deps disentanglement-lib==1.5 absl-py six
        lib/bin/pip install scikit-learn scipy
        python benchmarks/disentanglement.py --peer=lib/bin/python
Writes: benchmarks/results/disentanglement.json

Codes of a full grid of 6 x 8 x 5 x 10 factors: six numbers, four of them factors turned a little
and two of noise. Scores that are no matter of chance have to be equal; FactorVAE's and beta-VAE's
draw 800 votes of 64 rows, each library its own. DCI is of one matrix of importances, since genlab
has random forests for the lib's boosted trees. Run it on an otherwise idle machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import record

from genlab.metrics import interventions, predicted
from genlab.metrics.disentanglement import binned, modularity, mutual_information_gap

HERE = Path(__file__).parent
SIZES, NOISE, TURN, CHANCE = (6, 8, 5, 10), 2, 0.4, 0.05
CALLS = 5
BY_CHANCE = ("factor_vae_score", "beta_vae_score")


def held() -> dict[str, np.ndarray]:
    """Codes [N, 6], factors [N, 4] and importances [6, 4]."""
    rng = np.random.default_rng(0)
    factors = np.stack(np.unravel_index(np.arange(np.prod(SIZES)), SIZES), axis=1)
    white = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    turn = np.linalg.qr(np.eye(len(SIZES)) + TURN * rng.normal(size=(len(SIZES),) * 2))[0]
    codes = np.concatenate([white @ turn, rng.normal(size=(len(white), NOISE))], axis=1)
    return {"codes": codes, "factors": factors, "importance": rng.uniform(size=(6, 4)) ** 3}


def scores(codes: np.ndarray, factors: np.ndarray, importance: np.ndarray) -> dict[str, Callable]:
    """What makes each score."""
    numbers = np.zeros(factors.shape[1], bool)

    def gap():
        return mutual_information_gap(np.stack([binned(code) for code in codes.T], 1), factors)

    return {
        "mig": lambda: gap().mig,
        "modularity": lambda: modularity(gap().information),
        "disentanglement": lambda: predicted.dci_of(importance).disentanglement,
        "completeness": lambda: predicted.dci_of(importance).completeness,
        "sap": lambda: predicted.sap(codes, factors, numbers),
        "irs": lambda: interventions.interventional_robustness(codes, factors),
        "factor_vae_score": lambda: interventions.factor_vae_score(codes, factors),
        "beta_vae_score": lambda: interventions.beta_vae_score(codes, factors),
    }


def measured(made: dict[str, Callable]) -> dict[str, dict[str, float]]:
    """Value and seconds of each, the median of several calls after one that does not count."""
    found = {}
    for name, score in made.items():
        value, seconds = float(score()), []
        for _ in range(CALLS):
            started = time.perf_counter()
            score()
            seconds.append(time.perf_counter() - started)
        found[name] = {"value": value, "seconds": statistics.median(seconds)}
    return found


def by_peer(python: str, arrays: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """The same, of disentanglement_lib."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "codes.npz", **arrays)
        command = [python, str(HERE / "peers_disentanglement.py"), f"{folder}/codes.npz"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Every score, or the reason why two are unlike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the Python of disentanglement_lib")
    arguments = parser.parse_args()
    record.load()
    arrays = held()
    both = {"genlab": measured(scores(**arrays)), "lib": by_peer(arguments.peer, arrays)}
    rows, unlike = [], []
    for name, own in both["genlab"].items():
        other = both["lib"][name]
        rows.append({"score": name, "genlab": own, "disentanglement_lib": other})
        apart = abs(own["value"] - other["value"])
        if apart > (CHANCE if name in BY_CHANCE else 1e-6):
            unlike.append(name)
        print(
            f"{name:18} genlab {own['value']:.4f} in {own['seconds']:.3f} s, "
            f"disentanglement_lib {other['value']:.4f} in {other['seconds']:.3f} s"
        )
    record.write("disentanglement", {"scores": rows, "unlike": unlike})
    if unlike:
        sys.exit(f"unlike values: {', '.join(unlike)}")


if __name__ == "__main__":
    main()
