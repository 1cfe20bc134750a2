"""Where data lie: relative paths belong to the experiment file's folder, "~" is the home folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from genlab.config.spec import as_dict, from_dict

FIELDS = ("path", "file", "data_dir", "pairs")  # of a config's data, that hold paths


def beside(config: ConfigDict, folder: Path) -> ConfigDict:
    """The config with the relative paths of its data that lie in `folder` and are not what they
    name from here as absolute ones.
    """

    def found(text: str) -> str:
        place = str(folder.resolve() / text)
        return text if _same(text, place) or not os.path.exists(place) else place

    return _changed(config, found)


def moved(config: ConfigDict, places: dict[str, Any]) -> ConfigDict:
    """The config with the relative paths of its data that lead somewhere else from here as the
    absolute ones that `paths` gave.
    """

    def found(text: str) -> str:
        place = places.get(text)
        if isinstance(place, str) and os.path.exists(place) and not _same(text, place):
            return place
        return text

    return _changed(config, found)


def absolute(config: ConfigDict) -> ConfigDict:
    """The config with every path of its data that exists as an absolute one."""
    places = paths(config)
    return _changed(config, lambda text: places.get(text, text))


def same_data(a: ConfigDict, b: ConfigDict) -> bool:
    """Whether two configs have the same data, however their paths are written."""
    found = [as_dict(absolute(config)).get("data") for config in (a, b)]
    return found[0] is not None and found[0] == found[1]


def paths(config: ConfigDict) -> dict[str, str]:
    """The absolute path of each relative one of a config's data that exists, by its text."""
    texts: list[str] = []
    _changed(config, lambda text: texts.append(text) or text)
    return {text: os.path.abspath(text) for text in texts if os.path.exists(text)}


def _same(a: str, b: str) -> bool:
    return os.path.exists(a) and os.path.exists(b) and os.path.samefile(a, b)


def _changed(config: ConfigDict, change: Callable[[str], str]) -> ConfigDict:
    plain = as_dict(config)
    if not isinstance(plain.get("data"), dict):
        return config
    data = _with_paths(plain["data"], change)
    return config if data == plain["data"] else from_dict({**plain, "data": data})


def _with_paths(node: Any, change: Callable[[str], str], is_path: bool = False) -> Any:
    """Plain data with `change` made to each relative path, and with "~" expanded."""
    if isinstance(node, dict):
        return {
            name: _with_paths(value, change, is_path or name in FIELDS)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_with_paths(value, change) for value in node]
    return _path(node, change) if is_path and isinstance(node, str) else node


def _path(text: str, change: Callable[[str], str]) -> str:
    text = os.path.expanduser(text)
    return text if os.path.isabs(text) or not text else change(text)
