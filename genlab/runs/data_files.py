"""The files that a run was trained on, by sha256: `data.json` in its folder.

Contents are what a source says of its files: {path of a folder or file: {name in it: sha256}}. A
path does not count, only what is found there.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from genlab.config import ConfigError, one_line
from genlab.runs import files

Contents = Mapping[str, Mapping[str, str]]

FILE = "data.json"
SHOWN = 3  # names of each kind of change


def recorded(run: Path) -> dict[str, dict[str, str]]:
    """The contents that a run was trained on; {} where none were kept."""
    return files.sound_object_in(run / FILE)


def refuse_changed(run: Path, now: Contents) -> None:
    """ConfigError, which names the files, where they are not those that the run was trained on.

    The folder of a run from before this was recorded gives a warning.
    """
    if not now:
        return
    if not (before := recorded(run)):
        if (run / "checkpoints").is_dir():
            logging.getLogger("genlab").warning(
                "%s has no record of the files it was trained on (an earlier version kept none): "
                "those that are there now are recorded, and changes are noticed from here on",
                run,
            )
        return
    for old, new, path in _paired(before, now):
        if told := changes(old, new):
            raise ConfigError(
                f"{run} was trained on other files of {path}: {told}: bring those back to go on, "
                'or train in another --workdir, where begin={"NETWORK": "' + str(run) + '"} '
                "starts from these weights"
            )


def same(run: Path, now: Contents) -> bool:
    """Whether these are the contents that a run was trained on, as far as that is recorded."""
    before = recorded(run)
    return not before or not any(changes(old, new) for old, new, _ in _paired(before, now))


def moved(run: Path, now: Contents, old: object, new: object) -> bool:
    """Whether a path `old` of the run's data is now `new`, with the same files in it."""
    if not (isinstance(old, str) and isinstance(new, str) and new in now):
        return False
    return recorded(run).get(old) == dict(now[new])


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What happened to files, {name: sha256} each time, in words with up to three names of each
    kind; "" where they are the same.
    """
    removed, added = [n for n in old if n not in new], [n for n in new if n not in old]
    other = [n for n in old if n in new and old[n] != new[n]]
    lost, renamed = {old[n]: n for n in removed}, {}
    for name in added:
        if before := lost.pop(new[name], None):
            renamed[before] = name
    added = [n for n in added if n not in renamed.values()]
    removed = [n for n in removed if n not in renamed]
    swapped = (
        other if other and Counter(map(old.get, other)) == Counter(map(new.get, other)) else []
    )
    found = {
        "added": added,
        "removed": removed,
        "renamed": [f"{before} to {name}" for before, name in renamed.items()],
        "swapped": swapped,
        "changed": [] if swapped else other,
    }
    told = [f"{len(names)} {what} ({_some(names)})" for what, names in found.items() if names]
    return ", ".join(told)


def _some(names: list[str]) -> str:
    told = ", ".join(one_line(name, 200) for name in names[:SHOWN])
    return told + (" ..." if len(names) > SHOWN else "")


def _paired(before: Contents, now: Contents) -> list[tuple[Mapping, Mapping, str]]:
    """Old and new files of each path; a path that is new stands for the one that it replaces."""
    lost = iter([path for path in before if path not in now])
    pairs = []
    for path in now:
        old = path if path in before else next(lost, None)
        pairs.append((before[old] if old is not None else {}, now[path], path))
    return [*pairs, *((before[path], {}, path) for path in lost)]
