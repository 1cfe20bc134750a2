"""Where the folders of the runs are, seen from the page."""

from typing import NamedTuple
from urllib.parse import quote

from genlab.report.reading import Sweep


class Link(NamedTuple):
    """To the folder of a run; `address` is relative to the page."""

    seed: int
    name: str
    address: str


def links(sweep: Sweep) -> dict[str, list[Link]]:
    """By variant, to each of its runs that has a folder."""
    return {
        variant: [
            Link(run.seed, run.name, _address(sweep, run.folder))
            for run in sweep.of(variant)
            if run.folder.is_dir()
        ]
        for variant in sweep.variants
    }


def _address(sweep: Sweep, folder) -> str:
    """`./hinge/seed0/`: with the dot, no name can be taken for a scheme as in `a:b`."""
    parts = folder.relative_to(sweep.folder).parts
    return "./" + "".join(f"{quote(part, safe='')}/" for part in parts)
