"""The modules outside installed packages that a config names."""

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genlab import config as config_lib

NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # "package.module:name"
INSTALLED = {"site-packages", "dist-packages"}


def _known(folder: str) -> Path:
    """A file that says that a run on this machine was started with code of this folder."""
    from genlab.runtime.cache import cache

    name = hashlib.sha256(os.fsencode(os.path.abspath(folder))).hexdigest()[:32]
    return cache() / "code" / name


def beside(config: Any) -> dict[str, str]:
    """Folders of the modules that a config names by path and that are neither installed nor
    genlab's: those beside an experiment file.
    """
    found = {}
    for name in sorted(set(_modules(config_lib.as_dict(config)))):
        file = getattr(sys.modules.get(name), "__file__", None)
        if name == "genlab" or name in sys.stdlib_module_names:
            continue
        if file and not INSTALLED.intersection(Path(file).parts):
            folder = Path(file).resolve().parent
            found[name] = str(folder.parent if Path(file).stem == "__init__" else folder)
    return found


def _modules(node: Any) -> Iterator[str]:
    """The top packages of every "package.module:name" in a config."""
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _modules(value)
    elif isinstance(node, str) and NAMED.fullmatch(node):
        yield node.partition(":")[0].partition(".")[0]
