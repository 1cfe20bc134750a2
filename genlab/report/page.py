"""The report as one HTML page that needs no other file."""

import json

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from genlab.report.contents import Contents
from genlab.report.tables import checkpoints
from genlab.report.tables.cost import HEADINGS, LEGEND


def render(contents: Contents, reload: float = 0.0) -> str:
    """`page.html` filled in; whatever a run wrote is escaped. `reload`: seconds after which the
    page is to load itself anew, 0 for never.
    """
    environment = Environment(
        loader=PackageLoader("genlab.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html")
    fields = contents._asdict() | {"curves": _json(contents.curves)}
    return page.render(
        **fields,
        cost_headings=HEADINGS,
        cost_legend=LEGEND,
        round_heading=checkpoints.HEADING,
        axes=contents.curves.get("axes", []),
        reload=reload,
    )


def _json(value: dict) -> Markup:
    """For a script element, which ends at "</script" wherever that stands."""
    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
