"""The closed form of each variant of `digits.py` beside what was trained.

Run:    python experiments/linear_vae/table.py runs/linear_vae
Writes: experiments/linear_vae/results/digits.md
"""

import sys
from pathlib import Path

import numpy as np

from genlab.data import digits
from genlab.runs.folder import RunFolder

RESULTS = Path(__file__).parent / "results"
SIGMA = 0.5  # of the variants beta=..., as in digits.py


def pixels(split: str) -> np.ndarray:
    """Images in [-1, 1], [N, 64]."""
    images = digits().read(split)["image"]
    return images.reshape(len(images), -1) / 127.5 - 1


def spectrum() -> np.ndarray:
    """Eigenvalues of the training set's covariance, largest first."""
    return np.linalg.eigvalsh(np.cov(pixels("train").T, bias=True))[::-1]


def likelihood(q: int) -> float:
    """Mean log-likelihood of the test split under probabilistic PCA with `q` components, nats
    (Tipping & Bishop 1999, Eqs. 7-8).
    """
    x = pixels("train")
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[q:].mean()
    kept = np.concatenate([values[:q], np.full(len(values) - q, noise)])
    white = (pixels("test") - x.mean(0)) @ vectors / np.sqrt(kept)
    return float(-0.5 * ((white**2).sum(1) + np.log(2 * np.pi * kept).sum()).mean())


def expected(variant: str) -> tuple[str, str]:
    """(log-likelihood, active units) in closed form: units whose eigenvalue is above beta sigma^2
    (Lucas et al. 2019).
    """
    name, value = variant.split("=")
    if name == "q":
        return f"{likelihood(int(value)):.2f}", value
    return "", str(int((spectrum() > float(value) * SIGMA**2).sum()))


def shown(values: list[float], digits: int) -> str:
    """Mean and standard deviation over seeds."""
    spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {spread:.{digits}f}"


def main(sweep: Path) -> None:
    """Reads every finished run."""
    found: dict[str, list[dict]] = {}
    for folder in sorted(sweep.glob("*/seed*")):
        last: dict[str, float] = {}
        for row in RunFolder(folder).rows("evals.jsonl"):
            if row["protocol"]["split"] == "test":
                last |= row["scores"]
        if last:
            found.setdefault(folder.parent.name, []).append(last)
    lines = [
        "| variant | log p(x), closed form | ELBO | IWAE, 64 | active, closed form | active |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for variant, rows in found.items():
        exact, units = expected(variant)
        trained = [
            shown([row[n] for row in rows], d)
            for n, d in (("elbo", 2), ("iwae", 2), ("active_units", 1))
        ]
        lines.append(
            f"| {variant} | {exact} | {trained[0]} | {trained[1]} | {units} | {trained[2]} |"
        )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "digits.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
