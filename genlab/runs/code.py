"""Which of a user's code may be imported by what reads a run folder.

A run folder names code, by path, that reading it imports and calls. It may name what is installed,
what lies where the user stands or on PYTHONPATH, and, by modules.json, folders that a run of this
user was started with before (remembered in the cache); another folder is refused with its name. The
copies that it keeps (`runs.kept_code`) are imported if a run of this user had the same text.
Nothing of Python's own library is called (`config.resolve`). This keeps a folder that somebody sent
from running what came with it; it is no sandbox against installed packages.
"""

import contextlib
import hashlib
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genlab.config import ConfigError
from genlab.runs import user_code
from genlab.runs.files import object_in
from genlab.runtime.cache import cache


def module_folders(config: Any) -> dict[str, str]:
    """The folders from which the user's modules are imported that a config reaches, by package."""
    found = user_code.modules(config).values()
    found = [module for module in found if not user_code.is_live(module.inside)]
    return {module.name.partition(".")[0]: module.folder for module in found}


def trust(code: Iterable[str]) -> None:
    """Remembers, in the user's cache, that runs on this machine were started with this code:
    absolute paths of folders, or the sha256 of texts.
    """
    for one in code:
        with contextlib.suppress(OSError):
            _mark(one).parent.mkdir(parents=True, exist_ok=True)
            _mark(one).touch()


def trusted(code: str) -> bool:
    """Whether runs on this machine were started with it."""
    return _mark(code).exists()


def find(path: Path) -> None:
    """Lets the modules in a `modules.json` be imported, from the folders they were in.

    ConfigError for a folder that no run on this machine has used: a run folder may be somebody
    else's, and the user should look at what it would run.
    """
    for name, folder in object_in(path).items():
        plain = name.isidentifier() and isinstance(folder, str) and "\0" not in folder
        if not plain or importlib.util.find_spec(name) or not os.path.isdir(folder):
            continue
        if not trusted(os.path.abspath(folder)):
            raise ConfigError(
                f"{path} asks to run {name!r} from {folder}, which no run here has used: look "
                f"at it, and if you trust it, PYTHONPATH={shlex.quote(folder)} genlab ..."
            )
        sys.path.append(folder)


def _mark(code: str) -> Path:
    """A file that exists if runs on this machine have used this folder, or text of this sha256."""
    name = hashlib.sha256(os.fsencode(code)).hexdigest()[:32]
    return cache() / "code" / name
