"""A thousand wrong inputs: each must end in a working run or in one readable line.

Run:    python benchmarks/inputs.py              (minutes on two cores)
Writes: benchmarks/results/inputs.json: counts by kind and outcome, every distinct finding

Outcomes: "worked" (status 0), "refused" (2: a mistake in what was asked, in one line), "failed" (1:
a run that went wrong, in one line), "finding": anything else, that is, what escaped the program, an
unexpected exception (which leaves a traceback in a file), more than one line, or a minute's wait.
"""

import argparse
import contextlib
import faulthandler
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.input_cases import Bench, Case, cases
from benchmarks.record import write

COUNTS = {
    "value of a field": 300,
    "path of a field": 200,
    "command line": 220,
    "experiment file": 90,
    "run folder": 90,
    "set of images": 100,
}
PATIENCE = 60  # seconds for a case


class Outcome(NamedTuple):
    """The outcome of a case, and the lines it printed."""

    name: str
    told: str


class _Late(BaseException):
    """Raised on timeout; not caught by the program's own handlers."""


def _late(*_) -> None:
    raise _Late


def outcome(case: Case, temporary: Path) -> Outcome:
    """Runs the program on a case, in this process; `temporary` is where it leaves tracebacks."""
    from genlab.cli.main import main

    told, status = io.StringIO(), None
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(PATIENCE)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                status = main(case.arguments)
    except _Late:
        return Outcome("finding", f"no end after {PATIENCE} s")
    except BaseException as error:
        helped = isinstance(error, SystemExit) and error.code == 0  # --help
        told = f"escaped: {type(error).__name__}: {error}"
        return Outcome("worked", "") if helped else Outcome("finding", told)
    finally:
        signal.alarm(0)
    return _judged(status, told.getvalue(), temporary)


def _judged(status: int, text: str, temporary: Path) -> Outcome:
    lines = [line for line in text.splitlines() if line.startswith(("genlab: ", "failed: "))]
    stray = [line for line in text.splitlines() if line not in lines]
    if left := list(temporary.glob("genlab-*.txt")):
        trace = left[0].read_text().splitlines()
        place = next((row.strip() for row in reversed(trace) if row.startswith("  File")), "")
        for file in left:
            file.unlink()
        if status != 2:  # a refusal keeps the traceback of a user's own code
            return Outcome("finding", f"unexpected: {text.strip()} {place}")
    if status == 0:
        fine = "Traceback" not in text
        return Outcome("worked" if fine else "finding", text)
    if status not in (1, 2) or len(lines) != 1 or stray or len(text) > 2000:
        return Outcome("finding", f"status {status}, {len(lines)} lines: {text[:1500]}")
    return Outcome("refused" if status == 2 else "failed", lines[0])


def run(counts: dict[str, int], seed: int, root: Path, show: bool = False) -> list[tuple]:
    """Every case with its outcome and seconds; files are written under `root`."""
    temporary = root / "temporary"
    temporary.mkdir()
    tempfile.tempdir = str(temporary)
    os.environ["GENLAB_CACHE"] = str(root / "cache")
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles sooner
    os.chdir(root)
    bench = Bench(root)
    for arguments in bench.training():
        assert outcome(Case("", arguments), temporary).name == "worked"
    found = []
    for case in cases(bench, seed, counts):
        started = time.perf_counter()
        became = outcome(case, temporary)
        found.append((case, became, time.perf_counter() - started))
        if show:
            print(json.dumps([became.name, case.arguments]), file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Runs all, each kind in a process of its own, and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="KIND", help="this kind alone; prints its part")
    asked = parser.parse_args()
    if asked.only:
        faulthandler.enable()
        print(json.dumps(_part(asked.only, asked.seed)))
        return
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(lambda kind: _in_a_process(kind, asked.seed), COUNTS))
    record = {
        "what": " ".join(__doc__.split("Outcomes: ")[1].split()),
        "seed": asked.seed,
        "cases": sum(COUNTS.values()),
        "outcomes": dict(sum((Counter(part["outcomes"]) for part in parts), Counter())),
        "by_kind": dict(zip(COUNTS, (part["outcomes"] for part in parts), strict=True)),
        "findings": [finding for part in parts for finding in part["findings"]],
        "seconds": round(time.perf_counter() - started, 1),
        "slowest_case_seconds": max(part["slowest"] for part in parts),
    }
    write("inputs", record)
    print(
        json.dumps({name: record[name] for name in ("outcomes", "by_kind", "findings")}, indent=2)
    )


def _in_a_process(kind: str, seed: int) -> dict:
    command = [sys.executable, __file__, f"--only={kind}", f"--seed={seed}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    counted = Counter(json.loads(row)[0] for row in done.stderr.splitlines() if row[:1] == "[")
    told = f"the process died ({done.returncode}) after {counted.total()} cases"
    last = done.stderr.splitlines()[-40:]
    finding = {"told": told, "arguments": [row[:300] for row in last]}
    return {"outcomes": {**counted, "finding": 1}, "findings": [finding], "slowest": 0.0}


def _part(kind: str, seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        found = run({kind: COUNTS[kind]}, seed, Path(folder).resolve(), show=True)
        os.chdir("/")
        tempfile.tempdir = None
    findings = {o.told[:300]: case.arguments for case, o, _ in found if o.name == "finding"}
    return {
        "outcomes": dict(Counter(became.name for _, became, _ in found)),
        "findings": [{"told": told, "arguments": words} for told, words in findings.items()],
        "slowest": round(max(seconds for *_, seconds in found), 1),
    }


if __name__ == "__main__":
    main()
