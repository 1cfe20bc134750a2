"""Golden numbers: what a reference implementation says of inputs made from a seed.

A topic is a module beside this one with `CASES`. Run as a script, in an environment that has the
references, it writes `TOPIC.json`; the tests and `docs/metrics.md` compare with that file and need
none of them:

    python tests/metrics/golden/kernel.py
"""

import json
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """One metric on one input.

    name:      unlike every other of its topic
    metric:    the public function it is of, "kernel.kernel_distance"
    package:   the distribution on PyPI that the reference is in, "torch-fidelity"
    ours:      () -> number or array, by genlab, from inputs it makes from a seed
    theirs:    () -> the same by the reference, imported inside
    tolerance: of the difference, relative to the largest absolute value of the reference
    """

    name: str
    metric: str
    package: str
    ours: Callable
    theirs: Callable
    tolerance: float


class Compared(NamedTuple):
    """difference: relative to the largest absolute value of the reference; seconds: ours took."""

    difference: float
    seconds: float
    reference: str


def write(topic: str | Path, cases: Iterable[Case]) -> None:
    """Asks the references and writes the file beside the script `topic` (its `__file__`)."""
    found = {
        case.name: {
            "reference": f"{case.package} {metadata.version(case.package)}",
            "value": np.asarray(case.theirs(), np.float64).tolist(),
        }
        for case in cases
    }
    Path(topic).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


def compare(topic: str | Path, case: Case) -> Compared:
    """Ours against the written number of the script `topic` (its `__file__`)."""
    golden = json.loads(Path(topic).with_suffix(".json").read_text())[case.name]
    started = time.perf_counter()
    ours = np.asarray(case.ours(), np.float64)
    seconds = time.perf_counter() - started
    theirs = np.asarray(golden["value"], np.float64)
    assert ours.shape == theirs.shape, (case.name, ours.shape, theirs.shape)
    largest = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), np.finfo(float).tiny)
    return Compared(float(largest), seconds, golden["reference"])
