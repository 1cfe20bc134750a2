"""Which round of each run was scored, and whether the choice was at the edge of those evaluated."""

from collections.abc import Iterable, Sequence

from genlab.report.protocol import Result, listed

HEADING = "scored round"
EDGE = "at the edge"
ADVICE = {
    "first": "an earlier one may be better: evaluate more often (loop.evaluate_every)",
    "last": "a later one may be better: train longer (loop.steps)",
    "only": "there was no choice: evaluate more often (loop.evaluate_every)",
}


def rounds(found: Sequence[Result]) -> str:
    """The scored rounds of one variant, seed by seed where they differ, and of how many: "1500",
    "900, 1500 of 7500", "1500 of 7500, at the edge".
    """
    if not found:
        return ""
    own = sorted(found, key=lambda r: r.seed)
    steps = [r.step for r in own]
    text = listed(map(str, steps if len(set(steps)) > 1 else steps[:1]))
    if totals := sorted({r.trained for r in own if r.trained > r.step}):
        text += f" of {' or '.join(map(str, totals))}"
    edges = [r for r in own if edge(r)]
    which = "" if len(edges) == len(own) else f" (seed {listed(str(r.seed) for r in edges)})"
    return f"{text}, {EDGE}{which}" if edges else text


def edge(result: Result) -> str:
    """ "first", "last" or "only", where the best checkpoint is that of the rounds among which
    validation chose; "" for one in the middle, and where nothing was chosen.
    """
    looks = result.looks
    if result.chosen != "best" or result.step not in looks:
        return ""
    if len(looks) == 1:
        return "only"
    return {looks[0]: "first", looks[-1]: "last"}.get(result.step, "")


def notes(found: Sequence[Result]) -> Iterable[str]:
    """A sentence for each kind of edge: which runs, and what to do."""
    for kind, advice in ADVICE.items():
        if runs := [r for r in found if edge(r) == kind]:
            looks = " or ".join(map(str, sorted({len(r.looks) for r in runs})))
            which = "only one" if kind == "only" else f"{kind} of {looks}"
            yield (
                f"{EDGE.capitalize()}: the best checkpoint of {_named(runs)} is the {which} "
                f"evaluated; {advice}."
            )


def _named(runs: Sequence[Result]) -> str:
    """ "a (seed 0, 1), b (seed 2)"."""
    seeds: dict[str, list[int]] = {}
    for r in runs:
        seeds.setdefault(r.variant, []).append(r.seed)
    return listed(f"{v} (seed {listed(map(str, sorted(s)))})" for v, s in seeds.items())
