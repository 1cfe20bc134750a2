"""Writes docs/metrics.md: every metric with its definition, its reference and the difference seen.

    python tests/metrics/document.py

Definitions' sources are read from the code, differences and times are measured while it runs
against the golden numbers beside this file. It fails where a public function of a metric's module
is in no section here, or has neither a golden number nor a test of a known answer.
"""

import importlib
import inspect
import os
import pkgutil
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # a script has only its own folder there

import jax  # noqa: E402
import numpy as np  # noqa: E402
import scipy  # noqa: E402
from metrics import golden  # noqa: E402
from metrics.golden.case import Case, compare  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
ROUNDING = 1e-15
CITATION = re.compile(
    r"[A-Z][\w-]+(?:, [A-Z][\w-]+)*(?: & [A-Z][\w-]+| et al\.)? \d{4}"
    r"(?:,? \(?arXiv:\d{4}\.\d{4,5}(?:v\d+)?\)?)?"
)


class Entry(NamedTuple):
    """formula: of the estimate; known: tests of known answers, "file::name", for what has no
    reference.
    """

    formula: str
    known: tuple[str, ...] = ()


class Section(NamedTuple):
    """entries: by "module.function" under genlab.metrics."""

    title: str
    entries: dict[str, Entry]


SECTIONS = (
    Section(
        "Fréchet distances",
        {
            "frechet.frechet_distance": Entry("|m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½)"),
            "frechet.fd_infinity": Entry(
                "intercept of least squares of FD_N on 1/N",
                ("test_frechet.py::",),
            ),
            "frechet.class_frechet": Entry(
                "mean over classes c of FD(real | c, fake | c)",
                ("test_frechet.py::",),
            ),
        },
    ),
    Section(
        "Kernels",
        {
            "kernel.kernel_distance": Entry("mean over subsets of MMD²_u, k = (xᵀy / D + 1)³"),
            "kernel.mmd": Entry("mean k(x, x') + mean k(y, y') − 2 mean k(x, y), x ≠ x', y ≠ y'"),
            "two_sample.mmd_test": Entry("share of permutations with an MMD² as large"),
            "two_sample.nearest_neighbour_test": Entry(
                "leave-one-out accuracy of the nearest neighbour's label"
            ),
        },
    ),
    Section(
        "Class probabilities",
        {
            "class_scores.inception_score": Entry("exp E KL(p(y | x) ‖ p(y))"),
            "accuracy.classification_accuracy": Entry(
                "accuracy on one set of a classifier trained on the other",
                ("test_accuracy.py::",),
            ),
        },
    ),
    Section(
        "Transport",
        {
            "transport.sliced_wasserstein": Entry("mean over directions of W_p of the projections"),
            "transport.wasserstein": Entry("(min over couplings of E |x − y|^p)^(1/p)"),
            "transport.image_sliced_wasserstein": Entry(
                "1000 × sliced W₁ of 7×7 patches of each Laplacian level",
                ("test_transport.py::",),
            ),
        },
    ),
    Section(
        "Neighbours",
        {
            "neighbours.precision_recall": Entry("share within some k-NN ball of the other set"),
            "neighbours.density_coverage": Entry(
                "real balls around a fake point / k; share of real balls that hold a fake point"
            ),
            "neighbours.authenticity": Entry(
                "share farther from the nearest training point than that from its own",
                ("test_neighbours.py::",),
            ),
            "neighbours.memorisation": Entry(
                "share nearer to training data than to held-out data; share of copies",
                ("test_neighbours.py::",),
            ),
            "neighbours.nearest": Entry("argmin |x − y|", ("test_neighbours.py::",)),
        },
    ),
    Section(
        "Histograms and diversity",
        {
            "curves.prd": Entry("precision and recall of the histograms over joint clusters"),
            "curves.prd_from_histograms": Entry("Σ min(λp, q), Σ min(p, q / λ), λ = tan angle"),
            "curves.f_beta": Entry("(1 + β²) P R / (β² P + R), largest along the curve"),
            "bins.ndb": Entry(
                "share of bins with |z| above the two-sided quantile", ("test_bins.py::",)
            ),
            "bins.ndb_from_counts": Entry("the same of given counts", ("test_bins.py::",)),
            "vendi.vendi_from_features": Entry("exp H of the eigenvalues of K / N, K of cosines"),
            "vendi.vendi_from_kernel": Entry("exp H of the eigenvalues of K / N"),
            "modes.mode_scores": Entry(
                "modes with a sample within 3 standard deviations; share of such samples",
                ("test_modes.py::",),
            ),
        },
    ),
    Section(
        "Image beside image",
        {
            "image.mse": Entry("mean (x − y)² / range²"),
            "image.psnr": Entry("10 log₁₀(range² / mean (x − y)²)"),
            "image.ssim": Entry("mean over 11×11 Gaussian windows of l · c · s"),
            "image.ms_ssim": Entry("l_M · Π (c_j s_j)^w_j"),
            "image.diversity": Entry("mean similarity of random pairs", ("test_image.py::",)),
            "perceptual.Lpips": Entry("Σ over taps of the mean of w (f̂(x) − f̂(y))²"),
            "path_length.perceptual_path_length": Entry("E d(G(z_t), G(z_{t+ε})) / ε²"),
        },
    ),
    Section(
        "Likelihood",
        {
            "bound.importance_weighted": Entry(
                "mean log w; log mean w, w = p(x, z) / q(z | x)", ("test_bound.py::",)
            ),
            "bound.bits_per_dimension": Entry("−nats / (D ln 2)", ("test_bound.py::",)),
            "annealing.ais": Entry("log mean Π w_t along p₀^(1−β) p^β", ("test_annealing.py::",)),
            "annealing.bdmc": Entry(
                "AIS forwards, and backwards from a true posterior draw", ("test_annealing.py::",)
            ),
        },
    ),
    Section(
        "Sequences",
        {
            "text.bleu": Entry("brevity penalty × geometric mean of clipped n-gram precisions"),
            "text.self_bleu": Entry("mean BLEU of each sample against all others"),
        },
    ),
)
PARTS = {  # what a metric above is made of, and what is not one
    "frechet.moments", "frechet.merge", "frechet.frechet_from_moments",
    "frechet.fd_infinity_from_moments", "kernel.polynomial", "kernel.gaussian",
    "kernel.median_bandwidth", "transport.directions", "annealing.sigmoidal", "path_length.lerp",
    "path_length.slerp", "perceptual.lpips",
}  # fmt: skip


def topics() -> Iterator:
    """The modules of golden numbers."""
    for found in pkgutil.iter_modules(golden.__path__):
        if found.name != "case":
            yield importlib.import_module(f"metrics.golden.{found.name}")


def cases() -> dict[str, list[tuple[str, Case]]]:
    """By metric, (file of the topic, case)."""
    found: dict[str, list[tuple[str, Case]]] = {}
    for topic in topics():
        for case in topic.CASES:
            found.setdefault(case.metric, []).append((topic.__file__, case))
    return found


def resolve(name: str) -> FunctionType:
    """The function "module.function" under genlab.metrics."""
    module, function = name.rsplit(".", 1)
    return getattr(importlib.import_module(f"genlab.metrics.{module}"), function)


def public(entries: dict[str, Entry]) -> set[str]:
    """Every public function of the modules that the entries are in."""
    modules = {name.rsplit(".", 1)[0] for name in entries}
    found = set()
    for name in modules:
        module = importlib.import_module(f"genlab.metrics.{name}")
        for function, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                if not function.startswith("_"):
                    found.add(f"{name}.{function}")
    return found


def check(golden_cases: dict[str, list]) -> None:
    """Every public function in a section; each with a golden number or a test that exists."""
    entries = {name: entry for section in SECTIONS for name, entry in section.entries.items()}
    assert not (stray := public(entries) - entries.keys() - PARTS), f"in no section: {stray}"
    for name, entry in entries.items():
        assert name in golden_cases or entry.known, f"{name} has neither reference nor test"
        for test in entry.known:
            file, _, function = test.partition("::")
            text = (ROOT / "tests" / "metrics" / file).read_text()
            assert f"def {function or 'test_'}" in text, f"{name}: no {test}"


def definition(function: FunctionType) -> str:
    """The first paragraph of the docstring, on one line, with a capital and a full stop."""
    text = " ".join(inspect.getdoc(function).split("\n\n")[0].split())
    return text.replace("|", "\\|")


def source(function: FunctionType) -> str:
    """The papers its docstring cites, or its module's."""
    texts = inspect.getdoc(function), inspect.getdoc(inspect.getmodule(function))
    for text in texts:
        if found := CITATION.findall(" ".join((text or "").split())):
            told = (re.sub(r",? \(?arXiv:", ", arXiv:", one).rstrip(")") for one in found)
            return "; ".join(dict.fromkeys(told))
    return "–"


def difference(value: float) -> str:
    """Two figures, or that it is in the last digit."""
    return "0" if value == 0 else f"< {ROUNDING:.0e}" if value < ROUNDING else f"{value:.1e}"


def rows(compared: list[tuple[Case, object]]) -> Iterator[str]:
    """A case on each line."""
    for case, found in compared:
        name = case.name.replace("|", "\\|")
        yield (
            f"| {name} | {found.reference} | {difference(found.difference)} | "
            f"{case.tolerance:.0e} | {1000 * found.seconds:.3g} |"
        )


def section(of: Section, golden_cases: dict[str, list]) -> Iterator[str]:
    """A heading, then each metric with its cases."""
    yield f"## {of.title}\n"
    for name, entry in of.entries.items():
        function = resolve(name)
        yield f"### `{name}`\n"
        yield f"`{entry.formula}` {definition(function)}\n"
        yield f"Source: {source(function)}.\n"
        yield from measured(name, entry, golden_cases)


def measured(name: str, entry: Entry, golden_cases: dict[str, list]) -> Iterator[str]:
    """The table of a metric's cases, or the tests of its known answers."""
    compared = [(case, compare(file, case)) for file, case in golden_cases.get(name, [])]
    for case, found in compared:
        assert found.difference <= case.tolerance, (name, case.name, found)
    if compared:
        yield "| input | reference | largest difference | tolerance | ms |\n|---|---|---|---|---|"
        yield "\n".join(rows(compared)) + "\n"
    if entry.known:
        tests = ", ".join(f"`tests/metrics/{t.removesuffix('::')}`" for t in entry.known)
        kind = "Known answers also" if compared else "No reference on PyPI; known answers"
        yield f"{kind}: {tests}.\n"


def page() -> str:
    """The whole text."""
    golden_cases = cases()
    check(golden_cases)
    spaces = [name for name in golden_cases if name.startswith("features.")]
    versions = f"jax {jax.__version__}, numpy {np.__version__}, scipy {scipy.__version__}"
    parts = [
        "# Metrics\n",
        "Every metric of `genlab.metrics` with its definition, its reference implementation, and "
        "the largest difference seen between the two, relative to the reference's largest value. "
        "Generated by `python tests/metrics/document.py`; the references' numbers are in "
        "`tests/metrics/golden/`, with the scripts that made them. Times are of this program on "
        f"the case's small input, first call included: {os.cpu_count()} CPU cores, Python "
        f"{platform.python_version()}, {versions}.\n",
        *(line for of in SECTIONS for line in section(of, golden_cases)),
        "## Feature spaces and preprocessing\n",
        "Networks are compared with random weights, which need no download and hide no mistake.\n",
    ]
    for name in spaces:
        parts.append(f"### `{name}`\n")
        parts.extend(measured(name, Entry(""), golden_cases))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
