"""Breaks losses, play, data, checkpoints and metrics on purpose, a line at a time: tests must fail.

Run:    python benchmarks/mutations.py             (the better part of an hour on 2 cores)
        python benchmarks/mutations.py --only r1   (those about r1; writes nothing)
        python benchmarks/mutations.py --only genlab/metrics  (those of a folder; likewise)
        python benchmarks/mutations.py --every 10  (one in ten; writes nothing)
        python benchmarks/mutations.py --check     (seconds: does every mutant still apply?)
Writes: benchmarks/results/mutations.md

Every mutant (benchmarks/mutants/) is a copy of the repository in a temporary folder with one piece
of text replaced; the tests that should notice run there and have to fail by an assertion, or for
something that was not refused, not by a crash. Exits 1 where one survives, or where its text is not
found exactly once.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Queue
from subprocess import PIPE

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]  # the oracles' lists of what there is to break

from losses.objective_oracles import ORACLES  # noqa: E402
from losses.penalty_oracles import public  # noqa: E402
from mutants import MUTANTS, Mutant  # noqa: E402

from genlab.losses import penalties, regularisers  # noqa: E402

PAGE = ROOT / "benchmarks" / "results" / "mutations.md"
BY_ASSERTION = ("AssertionError", "assert", "Failed")  # the last is pytest's: nothing was raised


def copied(source: Path, target: Path) -> None:
    """What the tests need of a repository."""
    for folder in ("genlab", "tests"):
        shutil.copytree(source / folder, target / folder)
    shutil.copy(source / "pyproject.toml", target)


class Runners:
    """Processes that run tests in copies (see `mutants/runner.py`), as many at a time as `jobs`."""

    def __init__(self, jobs: int):
        # bytecode is recognised by size and second, too coarse for a file changed within one
        told = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"}
        command = [sys.executable, Path(__file__).with_name("mutants") / "runner.py"]
        self._free: Queue[subprocess.Popen] = Queue()
        for _ in range(jobs):
            runner = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, env=told)
            self._free.put(runner)

    def __enter__(self) -> "Runners":
        return self

    def __exit__(self, *_) -> None:
        while not self._free.empty():
            with self._free.get() as runner:
                runner.stdin.close()

    def ran(self, root: Path, *arguments: str) -> tuple[int, str]:
        """(exit status, output) of pytest in `root`, which imports the package that lies there."""
        runner = self._free.get()
        try:
            print(json.dumps([str(root), *arguments]), file=runner.stdin, flush=True)
            status, output = json.loads(runner.stdout.readline())
        finally:
            self._free.put(runner)
        return status, output


def misfit(root: Path, mutant: Mutant) -> str:
    """Why a mutant does not apply to the code as it is; "" where it does."""
    path = root / mutant.file
    found = path.read_text().count(mutant.old) if path.is_file() else 0
    if found != 1:
        return f"its text is in {mutant.file} {found} times: {mutant.old!r}"
    for test in mutant.tests:
        file, _, name = test.partition("::")
        if f"def {name.partition('[')[0]}(" not in (root / file).read_text():
            return f"there is no test {test}"
    return ""


def verdict(clean: Path, runners: Runners, mutant: Mutant) -> tuple[str, str]:
    """(the test that failed, "") or ("", what is the matter)."""
    if matter := misfit(clean, mutant):
        return "", matter
    with tempfile.TemporaryDirectory() as folder:
        copied(clean, Path(folder))
        file = Path(folder) / mutant.file
        file.write_text(file.read_text().replace(mutant.old, mutant.new))
        status, output = runners.ran(Path(folder), "-x", *mutant.tests)
    if status == 0:
        return "", f"survived {', '.join(mutant.tests)}"
    red = re.search(r"^FAILED (.+?) - (\w*)", output, re.MULTILINE)
    if status != 1 or red is None or red[2] not in BY_ASSERTION:
        return "", f"crashed instead of failing:\n{output[-4000:]}"
    return red[1], ""


def complete() -> None:
    """Exits unless something breaks every objective, penalty and regulariser."""
    terms = [*public(penalties, "critic", "real", "fake", "key"), *public(regularisers, "scene")]
    objectives = {case.split(",")[0] for case in ORACLES}
    unbroken = {*objectives, *terms} - {mutant.of for mutant in MUTANTS}
    if unbroken:
        sys.exit(f"no mutant of {', '.join(sorted(unbroken))}")


def sound(clean: Path, runners: Runners) -> None:
    """Exits unless the tests pass without a mutation and fail where a file does not parse."""
    every = sorted({name for mutant in MUTANTS for name in mutant.tests})
    status, output = runners.ran(clean, *every)
    if status:
        sys.exit(f"tests fail without a mutation:\n{output}")
    with tempfile.TemporaryDirectory() as folder:
        copied(clean, Path(folder))
        (Path(folder) / MUTANTS[-1].file).write_text("not a module")
        status, _ = runners.ran(Path(folder), MUTANTS[-1].tests[0])
        if not status:
            sys.exit("the tests of a copy import another genlab than the copy's")


def page(rows: list[tuple[Mutant, str]]) -> str:
    """The table."""
    lines = [
        "# Mutations",
        "",
        "Generated by `python benchmarks/mutations.py`: do not edit.",
        "",
        f"Each of these {len(rows)} changes was made by itself, in a copy of the repository; the "
        "test in its row, which passed before, then failed by an assertion. Every objective, "
        "penalty and regulariser is broken at least once.",
        "",
        "| broken | kind | file | original | mutant | test that fails |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for mutant, red in rows:
        code = [" ".join(text.split()).replace("|", "\\|") for text in (mutant.old, mutant.new)]
        lines.append(
            f"| {mutant.of} | {mutant.kind} | {mutant.file} | `{code[0]}` | `{code[1]}` "
            f"| `{red.removeprefix('tests/')}` |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Breaks them all, or checks that it could."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--only", default="", help="mutants whose name, kind or file holds this")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one mutant in N")
    parser.add_argument("--check", action="store_true", help="apply them only, run no test")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if arguments.only in f"{m.of}, {m.kind}, {m.file}"][
        :: arguments.every
    ]
    whole = len(chosen) == len(MUTANTS)
    complete()
    wrong = [f"{m.of}, {m.kind}: {matter}" for m in chosen if (matter := misfit(ROOT, m))]
    if wrong or arguments.check:
        sys.exit("\n".join(wrong) or print(f"all {len(chosen)} mutants apply"))
    rows = broken(chosen, arguments.jobs, check=whole)
    if missed := [mutant for mutant, red in rows if not red]:
        sys.exit(f"{len(missed)} of {len(rows)} mutants were not noticed")
    if whole:
        PAGE.write_text(page(rows))


def broken(chosen: list[Mutant], jobs: int, check: bool) -> list[tuple[Mutant, str]]:
    """Each mutant with the test that failed, "" where none did; says so as it goes."""
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Runners(jobs) as runners,
        ThreadPoolExecutor(jobs) as pool,
    ):
        clean = Path(folder)
        copied(ROOT, clean)
        if check:
            sound(clean, runners)
        verdicts = pool.map(partial(verdict, clean, runners), chosen)
        for mutant, (red, matter) in zip(chosen, verdicts, strict=True):
            print(f"{'red ' if red else 'FAIL'} {mutant.of}: {mutant.kind}", matter, flush=True)
            rows.append((mutant, red))
    return rows


if __name__ == "__main__":
    main()
