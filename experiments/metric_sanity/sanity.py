"""What each score of samples detects: real digits, degraded in a known way, scored as if generated.

Every split of the digits gives 599 images that train the feature network, 599 that are the real
set, and 599 fresh ones; fakes are 250 of the fresh ones, degraded. A score detects a degradation
where its mean over the splits leaves the prediction interval of undegraded images.

Run:    python experiments/metric_sanity/sanity.py [--splits 5]
Writes: experiments/metric_sanity/results/: sanity.md, sanity.png (about 6 minutes on 2 CPU cores)
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import matplotlib
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import t

from genlab import config as config_lib
from genlab import spec
from genlab.config import build
from genlab.data import digits
from genlab.evaluation.comparison import Comparisons
from genlab.evaluation.sample_set import SampleSet
from genlab.features import Domain, Pixels, RandomConv
from genlab.nets import mlp
from genlab.report.scores import score

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
COUNT, PART, SIZE = 250, 599, 16
TRUNK = mlp.Down((256, 64), activation="relu")
SPACES = {
    "domain": spec(Domain, spec(mlp.Down, (256, 64), activation="relu")),
    "pixels": spec(Pixels),
    "random-conv": spec(RandomConv),
}
EVERYWHERE = ("fd", "kid", "precision_recall", "density_coverage", "neighbour_test")
SCORES = (
    *EVERYWHERE, "fd_infinity", "class_fd", "inception_score", "prd", "ndb", "vendi", "mmd",
    "sliced_wasserstein", "wasserstein", "swd", "ms_ssim_pairs", "memorisation", "authenticity",
    "classification_accuracy",
)  # fmt: skip
SETTINGS = {
    "kid": {"subsets": 20, "size": COUNT},
    "fd_infinity": {"smallest": 100},
    "inception_score": {"splits": 1},
    "ndb": {"bins": 20},
    "ms_ssim_pairs": {"scales": 1, "pairs": 200},
    "classification_accuracy": {"trunk": TRUNK, "steps": 300},
}
ASIDE = ("kid_std", "inception_score_std", "nn_accuracy_real", "nn_accuracy_fake", "swd_16")


class Set(NamedTuple):
    """Images, uint8 [N, H, W, 1], and their labels [N]."""

    images: np.ndarray
    labels: np.ndarray

    def rows(self, at: np.ndarray) -> "Set":
        """The images and labels at some rows."""
        return Set(self.images[at], self.labels[at])


def spoilt(fresh: Set, train: Set, seed: int) -> Iterator[tuple[str, Set]]:
    """Failures of a generator, one at a time; each of COUNT images."""
    rng = np.random.default_rng(seed)

    def drawn(of: Set, keep: np.ndarray | None = None) -> Set:
        at = np.arange(len(of.labels)) if keep is None else np.flatnonzero(keep)
        return of.rows(rng.choice(at, COUNT, replace=False))

    def noisy(of: Set, std: float) -> Set:
        x = of.images + rng.normal(0, 255 * std, of.images.shape)
        return of._replace(images=np.clip(np.rint(x), 0, 255).astype(np.uint8))

    fakes = drawn(fresh)
    yield "fresh", fakes
    for std in (0.05, 0.1, 0.2):
        yield f"noise {std:g}", noisy(fakes, std)
    for width in (0.7, 1.4):
        x = gaussian_filter(fakes.images.astype(np.float64), (0, width, width, 0))
        yield f"blur {width:g}", fakes._replace(images=np.rint(x).astype(np.uint8))
    for classes in (1, 3, 5):
        yield f"{classes} dropped", drawn(fresh, fresh.labels >= classes)
    few = fresh.rows(np.array([np.flatnonzero(fresh.labels == c)[0] for c in range(10)]))
    yield "10 images", few.rows(np.arange(COUNT) % 10)
    yield "1 image", few.rows(np.zeros(COUNT, int))
    yield "memorised", drawn(train)
    yield "memorised, noise 0.05", noisy(drawn(train), 0.05)
    yield "wrong labels", fakes._replace(labels=rng.permutation(fakes.labels))


def scores(comparisons: Comparisons, real: SampleSet, fake: SampleSet) -> dict[str, float]:
    """All scores by name; NaN for one that these fakes do not define."""
    found = {}
    for one in comparisons:
        try:
            found |= one.fn(real, fake, **one.settings)
        except ValueError:
            found[one.name] = float("nan")
    return {name: value for name, value in found.items() if name not in ASIDE}


def measure(split: int, spaces: dict) -> dict[str, dict[str, float]]:
    """By condition, the scores of one split, those of other spaces under "space: score"."""
    data = spec(digits, validation=PART, test=PART, seed=split, size=SIZE)
    source = build(data)
    train, fresh, held_out = (
        Set(part["image"], part["label"])
        for part in map(source.read, ("train", "validation", "test"))
    )
    found: dict[str, dict[str, float]] = {}
    for name, features in spaces.items():
        names = SCORES if name == "domain" else EVERYWHERE
        chosen = Comparisons.of(names, {n: s for n, s in SETTINGS.items() if n in names})
        space = build(features).space({"data": config_lib.as_dict(data)}, source)
        trained_on = SampleSet(train.images, space, train.labels, keep=chosen.taps)
        real = SampleSet(held_out.images, space, held_out.labels, trained_on, chosen.taps)
        for condition, fakes in spoilt(fresh, train, split):
            side = SampleSet(fakes.images, space, fakes.labels, keep=chosen.taps)
            here = found.setdefault(condition, {})
            for label, value in scores(chosen, real, side).items():
                here[label if name == "domain" else f"{name}: {label}"] = value
    return found


def noticed(found: dict[str, np.ndarray]) -> dict[str, float]:
    """By condition, how many spreads its mean is from that of fresh images: beyond +-1 is detected.

    The spread is the half-width of the 95 % prediction interval for the mean of as many splits.
    """
    fresh = found["fresh"]
    n = len(fresh)
    spread = t.ppf(0.975, n - 1) * fresh.std(ddof=1) * np.sqrt(2 / n) if n > 1 else np.nan
    spread = max(spread, 1e-12)
    return {name: float((x.mean() - fresh.mean()) / spread) for name, x in found.items()}


def draw(table: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    """Every score's response as colour: how many spreads, on a logarithmic scale, up or down."""
    conditions = [name for name in next(iter(table.values())) if name != "fresh"]
    off = np.array([[noticed(found)[name] for name in conditions] for found in table.values()])
    shade = np.sign(off) * np.log10(np.maximum(np.abs(off), 1))
    figure, axes = plt.subplots(figsize=(8.5, 0.24 * len(table) + 1.6))
    image = axes.imshow(shade, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axes.set_xticks(range(len(conditions)), conditions, rotation=40, ha="right", fontsize=8)
    axes.set_yticks(range(len(table)), [score(name).heading for name in table], fontsize=7)
    bar = figure.colorbar(image, ticks=[-2, -1, 0, 1, 2])
    bar.ax.set_yticklabels(["-100", "-10", "within 1", "+10", "+100"], fontsize=7)
    bar.set_label("change from fresh images, in their own spread", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def page(table: dict[str, dict[str, np.ndarray]], splits: int, seconds: float) -> str:
    """The table of means, detected ones in bold."""
    conditions = list(next(iter(table.values())))
    lines = [
        "# What each score notices",
        "",
        f"{COUNT} of {PART} fresh digits at {SIZE}x{SIZE}, spoilt in a known way, beside {PART} "
        f"others; means over {splits} splits of the digits (seeds 0 to {splits - 1}). Bold: off "
        "the fresh images' mean by more than the 95 % prediction interval of such a mean. A dash: "
        "the score is not defined there. Scores without a space named are in `domain`, a "
        "classifier of the third part.",
        "",
        "| score | " + " | ".join(conditions) + " |",
        "|---|" + "---:|" * len(conditions),
    ]
    for name, found in table.items():
        off = noticed(found)
        cells = [
            "–" if np.isnan(x).any()
            else f"**{x.mean():.3g}**" if abs(off[condition]) > 1
            else f"{x.mean():.3g}"
            for condition, x in found.items()
        ]  # fmt: skip
        lines.append(f"| {score(name).heading} | " + " | ".join(cells) + " |")
    lines += ["", f"{seconds:.0f} s on CPU; jax {jax.__version__}, numpy {np.__version__}."]
    return "\n".join(lines) + "\n"


def tabled(
    splits: int, spaces: dict = SPACES, report: Callable[[str], None] = print
) -> dict[str, dict[str, np.ndarray]]:
    """By score, then condition: its values over the splits."""
    found = []
    for split in range(splits):
        found.append(measure(split, spaces))
        report(f"split {split + 1} of {splits}")
    names, conditions = found[0]["fresh"], found[0]
    return {
        name: {c: np.array([one[c].get(name, np.nan) for one in found]) for c in conditions}
        for name in names
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=5)
    splits = parser.parse_args().splits
    started = time.perf_counter()
    table = tabled(splits)
    draw(table, RESULTS / "sanity.png")
    text = page(table, splits, time.perf_counter() - started)
    (RESULTS / "sanity.md").write_text(text)


if __name__ == "__main__":
    main()
