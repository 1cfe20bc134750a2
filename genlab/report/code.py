"""The user's code of the runs: between which it differs, and which changes were accepted."""

from collections.abc import Iterable
from typing import NamedTuple

from genlab.report.reading import Run, Sweep
from genlab.runs import kept_code
from genlab.runs.kept_code import Kept


class CodeDifference(NamedTuple):
    """A line that says what differs, and the unified diff."""

    title: str
    diff: str


def differences(sweep: Sweep) -> list[CodeDifference]:
    """What each variant's code has unlike the first's, of modules that both have; what runs have
    unlike their variant's; and changes in the course of a run.
    """
    kept = {run.name: (run, kept_code.read(run.folder)) for run in sweep.runs}
    kept = {name: (run, code) for name, (run, code) in kept.items() if code.modules}
    firsts: dict[str, str] = {}
    for name, (run, _) in kept.items():
        firsts.setdefault(run.variant, name)
    found = []
    for name, (run, code) in kept.items():
        other = firsts[run.variant]
        if name == other:
            other = next(iter(firsts.values()))
        found += _between(other, kept[other][1], name, code)
        found += _accepted(run, code)
    return found


def _between(first: str, was: Kept, name: str, now: Kept) -> Iterable[CodeDifference]:
    differing = [
        inside
        for inside, entry in now.modules.items()
        if inside in was.modules and entry["sha256"] != was.modules[inside]["sha256"]
    ]
    if differing:
        before, after = ({i: kept.texts.get(i, "") for i in differing} for kept in (was, now))
        title = f"{name} has code unlike that of {first}: {', '.join(differing)}"
        yield CodeDifference(title, kept_code.diff(before, after, first, name))


def _accepted(run: Run, code: Kept) -> Iterable[CodeDifference]:
    for row in code.accepted:
        changed = "; ".join(map(str, row.get("changes") or ()))
        title = f"{run.name} went on after round {row.get('round')} with other code: {changed}"
        yield CodeDifference(title, str(row.get("diff", "")))
