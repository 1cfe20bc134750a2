"""Code that a run names: the modules outside installed packages, and which of them may be imported.

A run folder names code, by path, that reading it imports and calls. It may name what is installed,
what lies where the user stands or on PYTHONPATH, and, by modules.json, folders that a run of this
user was started with before (remembered in the cache); another folder is refused with its name.
Nothing of Python's own library is called (`config.resolve`). This keeps a folder that somebody sent
from running what came with it; it is no sandbox against installed packages.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from genlab import config as config_lib
from genlab.config import ConfigError
from genlab.runs.files import object_in
from genlab.runtime.cache import cache

NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # "package.module:name"
INSTALLED = {"site-packages", "dist-packages"}


def module_folders(config: Any) -> dict[str, str]:
    """Folders of the modules that a config names by path and that are neither installed nor
    genlab's, by module: those next to an experiment file.
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


def trust(folders: Iterable[str]) -> None:
    """Remembers, in the user's cache, that runs on this machine were started with code of these."""
    for folder in folders:
        with contextlib.suppress(OSError):
            _mark(folder).parent.mkdir(parents=True, exist_ok=True)
            _mark(folder).touch()


def find(path: Path) -> None:
    """Lets the modules in a `modules.json` be imported, from the folders they were in.

    ConfigError for a folder that no run on this machine has used: a run folder may be somebody
    else's, and the user should look at what it would run.
    """
    for name, folder in object_in(path).items():
        plain = name.isidentifier() and isinstance(folder, str) and "\0" not in folder
        if not plain or importlib.util.find_spec(name) or not os.path.isdir(folder):
            continue
        if not _mark(folder).exists():
            raise ConfigError(
                f"{path} asks to run {name!r} from {folder}, which no run here has used: look "
                f"at it, and if you trust it, PYTHONPATH={shlex.quote(folder)} genlab ..."
            )
        sys.path.append(folder)


def _mark(folder: str) -> Path:
    """A file that exists if runs on this machine have used code of this folder."""
    name = hashlib.sha256(os.fsencode(os.path.abspath(folder))).hexdigest()[:32]
    return cache() / "code" / name


def _modules(node: Any) -> Iterator[str]:
    """The top packages of every "package.module:name" in a config."""
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _modules(value)
    elif isinstance(node, str) and NAMED.fullmatch(node):
        yield node.partition(":")[0].partition(".")[0]
