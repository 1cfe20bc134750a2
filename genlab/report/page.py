"""The report as one HTML page that needs no other file."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from genlab.report.contents import Contents
from genlab.report.figures.axes import AXES
from genlab.report.tables import checkpoints
from genlab.report.tables.cost import HEADINGS, LEGEND


def render(contents: Contents) -> str:
    """`page.html` filled in; whatever a run wrote is escaped."""
    environment = Environment(
        loader=PackageLoader("genlab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html")
    return page.render(
        **contents._asdict(),
        cost_headings=HEADINGS,
        cost_legend=LEGEND,
        round_heading=checkpoints.HEADING,
        axes=[axis.name for axis in AXES],
    )
