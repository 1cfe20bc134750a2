"""Breaks losses, play, data, checkpoints and metrics on purpose, a line at a time: tests must fail.

Run:    python benchmarks/mutations.py             (the better part of an hour on 2 cores)
        python benchmarks/mutations.py --only r1   (those about r1; writes nothing)
        python benchmarks/mutations.py --only genlab/metrics  (those of a folder; likewise)
        python benchmarks/mutations.py --every 10  (one in ten; writes nothing)
        python benchmarks/mutations.py --missing   (those the page has no row of; adds them to it)
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
from losses.picture_oracles import named  # noqa: E402
from mutants import MUTANTS, Mutant  # noqa: E402

from genlab.losses import features, penalties, pictures, regularisers  # noqa: E402

PAGE = ROOT / "benchmarks" / "results" / "mutations.md"
TOGETHER = 50  # tests that are played in one process where nothing is broken
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
    """Exits unless something breaks every objective, penalty, regulariser and loss of pictures."""
    terms = [*public(penalties, "critic", "real", "fake", "key"), *public(regularisers, "scene")]
    objectives = {case.split(",")[0] for case in ORACLES}
    compared = named(pictures) | named(features)
    unbroken = {*objectives, *terms, *compared} - {mutant.of for mutant in MUTANTS}
    if unbroken:
        sys.exit(f"no mutant of {', '.join(sorted(unbroken))}")


def sound(clean: Path, runners: Runners, pool: ThreadPoolExecutor, chosen: list[Mutant]) -> None:
    """Exits unless their tests pass without a mutation and fail where a file does not parse."""
    every = sorted({name for mutant in chosen for name in mutant.tests})
    parts = [every[first : first + TOGETHER] for first in range(0, len(every), TOGETHER)]
    for status, output in pool.map(lambda names: runners.ran(clean, *names), parts):
        if status:
            sys.exit(f"tests fail without a mutation:\n{output}")
    with tempfile.TemporaryDirectory() as folder:
        copied(clean, Path(folder))
        (Path(folder) / MUTANTS[-1].file).write_text("not a module")
        status, _ = runners.ran(Path(folder), MUTANTS[-1].tests[0])
        if not status:
            sys.exit("the tests of a copy import another genlab than the copy's")


def page(rows: list[str]) -> str:
    """The table, and how many mutants it lacks."""
    lines = [
        "# Mutations",
        "",
        "Generated by `python benchmarks/mutations.py`: do not edit.",
        "",
        f"Each of these {len(rows)} changes was made by itself, in a copy of the repository; the "
        "test in its row, which passed before, then failed by an assertion. Every objective, "
        "penalty and regulariser is broken at least once.",
        "",
        *[f"**Of {n} more no test was seen to fail.**\n" for n in [len(MUTANTS) - len(rows)] if n],
        "| broken | kind | file | original | mutant | test that fails |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *rows]) + "\n"


def broken_cells(mutant: Mutant) -> str:
    """A row without the test."""
    old, new = (" ".join(t.split()).replace("|", "\\|") for t in (mutant.old, mutant.new))
    return f"| {mutant.of} | {mutant.kind} | {mutant.file} | `{old}` | `{new}` "


def known() -> dict[str, str]:
    """The rows of the page as it is, by their cells without the test."""
    lines = PAGE.read_text().splitlines() if PAGE.is_file() else []
    return {line[: line.rindex("| `")]: line for line in lines if line.count("| `") == 3}


def main() -> None:
    """Breaks them all, or checks that it could."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--only", default="", help="mutants whose name, kind or file holds this")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one mutant in N")
    parser.add_argument("--missing", action="store_true", help="those without a row on the page")
    parser.add_argument("--check", action="store_true", help="apply them only, run no test")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if arguments.only in f"{m.of}, {m.kind}, {m.file}"][
        :: arguments.every
    ]
    written = arguments.missing or len(chosen) == len(MUTANTS)
    rows = known() if arguments.missing else {}
    chosen = [mutant for mutant in chosen if broken_cells(mutant) not in rows]
    complete()
    wrong = [f"{m.of}, {m.kind}: {matter}" for m in chosen if (matter := misfit(ROOT, m))]
    if wrong or arguments.check:
        sys.exit("\n".join(wrong) or print(f"all {len(chosen)} mutants apply"))
    reds = broken(chosen, arguments.jobs, check=written)
    if written:
        rows |= {cells: f"{cells}| `{red}` |" for cells, red in reds.items() if red}
        PAGE.write_text(page([rows[c] for m in MUTANTS if (c := broken_cells(m)) in rows]))
    if missed := [cells for cells, red in reds.items() if not red]:
        sys.exit(f"{len(missed)} of {len(reds)} mutants were not noticed")


def broken(chosen: list[Mutant], jobs: int, check: bool) -> dict[str, str]:
    """By a mutant's cells the test that failed, "" where none did; says so as it goes."""
    reds = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Runners(jobs) as runners,
        ThreadPoolExecutor(jobs) as pool,
    ):
        clean = Path(folder)
        copied(ROOT, clean)
        if check:
            sound(clean, runners, pool, chosen)
        verdicts = pool.map(partial(verdict, clean, runners), chosen)
        for mutant, (red, matter) in zip(chosen, verdicts, strict=True):
            print(f"{'red ' if red else 'FAIL'} {mutant.of}: {mutant.kind}", matter, flush=True)
            reds[broken_cells(mutant)] = red.removeprefix("tests/")
    return reds


if __name__ == "__main__":
    main()
