"""Experiment files: Python of a user, loaded by path, its mistakes told in one line."""

import contextlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from genlab.config.errors import ConfigError, did_you_mean, place_of
from genlab.config.node import CALL
from genlab.config.suggestions import suggestion


def load(path: str | Path) -> ModuleType:
    """The experiment file at `path` as a module; it must define `config()`, and may define
    `sweep()`.
    """
    path = Path(path)
    if not path.is_file():
        near = [str(p) for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise ConfigError(f"no experiment file at {path}{did_you_mean(str(path), near)}")
    found = importlib.util.spec_from_file_location(f"experiment_{path.stem}", path)
    if found is None or found.loader is None:
        raise ConfigError(f"{path} is no Python file: an experiment is described in a NAME.py")
    module = importlib.util.module_from_spec(found)
    if (folder := str(path.parent.resolve())) not in sys.path:
        sys.path.insert(0, folder)  # as for a script: what lies beside it can be imported
    with told_with_its_place(path):
        found.loader.exec_module(module)
    if not hasattr(module, "config"):
        raise ConfigError(f"{path} defines no config(); it should return spec(Experiment, ...)")
    return module


@contextlib.contextmanager
def told_with_its_place(path: str | Path, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Whatever goes wrong in a user's file, or in another of the user's that it uses, becomes one
    line: file, line number, message.
    """
    try:
        yield
    except but:
        raise
    except ConfigError as error:
        place = place_of(error)
        if not place or place in str(error):
            raise
        raise ConfigError(f"{place}: {error}") from error.__cause__
    except (Exception, SystemExit) as error:
        text = str(error).splitlines()[0] if str(error) else ""
        place = place_of(error) or str(path)
        raise ConfigError(f"{place}: {type(error).__name__}: {text}") from error


def described(module: ModuleType) -> ConfigDict:
    """What the experiment's `config()` returns; a misspelt field inside it is a ConfigError, in one
    line.
    """
    try:
        with told_with_its_place(str(module.__file__), but=(AttributeError,)):
            made = module.config()
    except AttributeError as error:  # ml_collections tells it with the whole config in the message
        place = place_of(error) or module.__file__
        field = re.search(r'Key \W*"(\w+)\W*" does not exist', str(error))
        field = field or re.fullmatch(r"\W*(\w+)\W*", str(error))  # of one that is read
        if not field:
            raise ConfigError(f"{place}: {error}") from error
        hint = _suggested(field[1], error)
        raise ConfigError(f"{place}: the config has no field {field[1]!r}{hint}") from None
    if not isinstance(made, ConfigDict):
        raise ConfigError(
            f"{module.__file__}: config() returned {made!r}; it should return spec(Experiment, ...)"
        )
    return made


def _suggested(name: str, error: AttributeError) -> str:
    """Which field is meant, through all levels of the config in which `name` was looked for."""
    frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
    nodes = [held.get("self") for held in frames]
    configs: list[Any] = [one for one in nodes if isinstance(one, ConfigDict)]
    node = configs[-1] if configs else ConfigDict()
    held = (value for found in frames for value in found.values() if isinstance(value, ConfigDict))
    root = next((one for one in held if _holds(one, node)), node)
    return suggestion(name, [field for field in node if field != CALL], root)


def _holds(config: Any, node: ConfigDict) -> bool:
    """Whether `node` is a config or a part of it."""
    inner: Any = list(config.values()) if isinstance(config, ConfigDict) else config
    return config is node or (
        isinstance(inner, list | tuple) and any(_holds(one, node) for one in inner)
    )
