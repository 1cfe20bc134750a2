"""From run folders to a report: tables with intervals, costs, samples, curves and configs."""

from pathlib import Path
from typing import NamedTuple

from genlab.report import markdown, page
from genlab.report.contents import contents
from genlab.report.reading import read
from genlab.runs.files import write_text

__all__ = ["Report", "write"]


class Report(NamedTuple):
    """Where the page was written, the same report as Markdown, and its results only."""

    html: Path
    markdown: str
    results: str


def write(folder: str | Path, reload: float = 0.0) -> Report:
    """Writes `report.html` and `report.md` into a sweep folder or a single run folder.

    Reads files only, and takes them as they are: a run that failed, goes on or was cut off is
    listed as such.

    reload: seconds after which the page is to load itself anew; 0 for never
    """
    folder = Path(folder)
    said = contents(read(folder))
    html, text = folder / "report.html", markdown.render(said)
    write_text(html, page.render(said, reload))
    write_text(folder / "report.md", text)
    return Report(html, text, markdown.results(said))
