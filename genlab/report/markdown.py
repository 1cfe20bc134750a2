"""The report as Markdown: every number of the page, for a README or a review."""

from collections.abc import Iterable, Sequence

from genlab.report.contents import Contents
from genlab.report.reading import Run
from genlab.report.tables.checkpoints import HEADING
from genlab.report.tables.cost import HEADINGS, LEGEND
from genlab.report.tables.table import Cell, Table


def render(contents: Contents) -> str:
    """The whole report, without its pictures and curves."""
    parts = [f"# {_safe(contents.title)}", _safe(contents.summary), *_results(contents, pairs=True)]
    parts.append(cost(contents))
    if contents.unsettled:
        parts += ["## Runs that did not finish", *map(_unsettled, contents.unsettled)]
    if contents.problems:
        parts += ["## Problems found", _list(contents.problems)]
    if contents.differences:
        rows = [[f"`{d.field}`", *map(_safe, d.values)] for d in contents.differences]
        parts += ["## Differences between the configs"]
        parts += [_grid(["field", *map(_safe, contents.configs)], rows)]
    if contents.code:
        parts += ["## Differences in your code"]
        parts += [f"{_safe(one.title)}\n\n{_indented(one.diff)}" for one in contents.code]
    if contents.environment:
        rows = [[*map(_safe, row)] for row in contents.environment]
        parts += ["## Environment", _grid(["", ""], rows)]
    parts += ["## To reproduce", "\n".join(["```sh", *contents.commands, "```"])]
    return "\n\n".join(filter(None, parts)) + "\n"


def cost(contents: Contents) -> str:
    """What the runs cost; nothing where that is not known."""
    if not contents.costs:
        return ""
    rows = [[_safe(cost.variant), *cost.cells] for cost in contents.costs]
    parts = ["## Cost", _grid(["variant", *HEADINGS], rows), LEGEND, _safe(contents.hardware)]
    return "\n\n".join(filter(None, parts))


def table(of: Table) -> str:
    """A results table with its protocol beneath."""
    headings = ["variant", *(_safe(score.heading) for score in of.scores), HEADING]
    rows = [[_safe(row.variant), *map(_cell, row.cells), row.rounds] for row in of.rows]
    if of.baseline:
        rows.append(["*real data, held out*", *(f"*{cell.text}*" for cell in of.baseline), ""])
    protocol = "; ".join(f"{name} {value}" for name, value in of.protocol)
    return "\n\n".join(
        [_grid(headings, rows), f"Protocol: {_safe(protocol)}.", *map(_safe, of.notes)]
    )


def results(contents: Contents) -> str:
    """The results tables, each with its protocol: what a terminal shows."""
    return "\n\n".join(filter(None, _results(contents, pairs=False)))


def _results(contents: Contents, pairs: bool) -> Iterable[str]:
    yield "## Results"
    if not contents.tables:
        yield "No run has been scored on test data."
    yield contents.legend
    yield from (f"> {_safe(reason)}" for reason in contents.unlike)
    for one in contents.tables:
        yield f"### {_safe(one.title)}"
        yield table(one)
        for part in one.parts if pairs else ():
            yield f"**{_safe(part.title)}**"
            yield _grid([*map(_safe, part.headings)], ([*map(_safe, row)] for row in part.rows))
        if pairs and one.pairs:
            yield from (_safe(contents.pairing), _list(pair.sentence for pair in one.pairs))


def _cell(cell: Cell) -> str:
    if not cell.n:
        return cell.text
    return f"**{cell.text}** (n={cell.n})" if cell.best else f"{cell.text} (n={cell.n})"


def _unsettled(run: Run) -> str:
    line = f"**{_safe(run.name)}** {run.status}, {run.rounds} done."
    if not run.error:
        return line
    return "\n".join([line, "", *(f"    {text}" for text in run.error.splitlines())])


def _indented(text: str) -> str:
    """As code, whatever it holds."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _grid(headings: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    rule = ["---"] * len(headings)
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_safe(line)}" for line in lines)


def _safe(text: str) -> str:
    """Text that Markdown takes as text, on one line."""
    for character in "\\`*|<[":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
