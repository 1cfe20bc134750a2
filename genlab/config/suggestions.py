"""Which field of a config is meant by a name that it does not have, through all its levels."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from genlab.config.errors import did_you_mean
from genlab.config.node import CALL

MOST = 3  # places that a suggestion names


def suggestion(name: str, names: list[str], root: Any, rest: str = "") -> str:
    """`"; did you mean 'loop.steps'?"`: the nearest of `names`, or a field elsewhere in `root`
    that is nearer; followed by the `rest` of a path where that leads somewhere.
    """
    places: dict[str, list[str]] = {}
    for place, last in _places(root):
        places.setdefault(last, []).append(place)
    found = difflib.get_close_matches(name, places, n=1, cutoff=0.75)
    near = difflib.get_close_matches(name, names, n=1)
    if not found or (near and _likeness(name, near[0]) >= _likeness(name, found[0])):
        return did_you_mean(name, near)
    known = {place for each in places.values() for place in each}
    whole = [
        f"{place}.{rest}" if f"{place}.{rest}" in known else place for place in places[found[0]]
    ]
    whole = sorted(whole, key=lambda place: place.count("."))[:MOST]
    return f"; did you mean {' or '.join(map(repr, whole))}?"


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, b, a).ratio()


def _places(node: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a config: its path, and the last name of it."""
    if isinstance(node, ConfigDict | Mapping):
        items = [(str(name), value) for name, value in node.items() if name != CALL]
    else:
        items = [(str(i), value) for i, value in enumerate(node)] if type(node) is tuple else []
    for name, value in items:
        place = f"{at}.{name}" if at else name
        yield place, name
        yield from _places(value, place)
