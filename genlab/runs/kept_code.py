"""The copies of a user's code that a run folder keeps: `code/`, and `code.json` with their sha256.

A run goes on only with the code that it began with, or with other code that somebody accepted,
which is recorded. Where the original is gone or has changed, what reads the run imports the copy
instead, if a run on this machine was started with that very text (see `runs.code`).
"""

import contextlib
import difflib
import importlib
import re
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from genlab import config as config_lib
from genlab.config import ConfigError
from genlab.runs import code, files, user_code
from genlab.runs.code_changes import Change, changes, defined, digest
from genlab.runs.identity import MUTABLE_ON_RESUME
from genlab.runs.user_code import Module

FOLDER, FILE = "code", "code.json"
INSIDE = re.compile(r"(\w+/)*\w+\.py")
SHOWN = 5  # changes named in an error


class Kept(NamedTuple):
    """What a run folder says of the code it was trained with.

    modules:  by path, "mine.py": its sha256 and the file it was copied from
    texts:    of the copies that are what was recorded
    accepted: changes of code that were accepted: after which round, when, what, and the diff
    """

    modules: dict[str, dict]
    texts: dict[str, str]
    accepted: list[dict]


def read(run: Path) -> Kept:
    """The code that a run folder keeps; nothing for runs of before code was kept."""
    found = files.object_in(run / FILE)
    listed, accepted = found.get("modules"), found.get("accepted")
    modules = {
        inside: entry
        for inside, entry in (listed.items() if isinstance(listed, dict) else ())
        if INSIDE.fullmatch(inside) and isinstance(entry, dict) and "sha256" in entry
    }
    texts = {}
    for inside, entry in modules.items():
        with contextlib.suppress(OSError):
            text = (run / FOLDER / inside).read_text("utf-8", errors="replace")
            texts |= {inside: text} if user_code.sha256(text) == entry["sha256"] else {}
    rows = [row for row in accepted if isinstance(row, dict)] if isinstance(accepted, list) else []
    return Kept(modules, texts, rows)


def refuse_changed(run: Path, config: Any, ingredients: Mapping[str, dict]) -> None:
    """ConfigError, which names files and functions, for a run that has begun with other code than
    it would go on with.
    """
    if (rounds := _rounds(run)) and (changed := changes_of(run, config, ingredients)):
        raise ConfigError(
            f"{run} was trained with other code for {rounds} rounds: {listed(changed)}. Put "
            f"the old code back (it is in {run / FOLDER}), give another --workdir, or go on "
            "with the new code: --accept-code-change"
        )


def accept(run: Path, config: Any, ingredients: Mapping[str, dict]) -> list[Change]:
    """Records that a run may go on with the code there is now, and how it differs from that of
    before.
    """
    now, was, rounds = modules(config, ingredients), read(run), _rounds(run)
    changed = differences(was, now, config, ingredients) if rounds and was.modules else []
    if changed:
        _write(run, was, now, [*was.accepted, _accepted(was, now, changed, rounds)])
    return changed


def keep(run: Path, config: Any, ingredients: Mapping[str, dict]) -> None:
    """Copies the code that a run starts or goes on with."""
    now, was, rounds = modules(config, ingredients), read(run), _rounds(run)
    if rounds and now and not was.modules:
        warnings.warn(
            f"{run} kept no copy of its code, so it is not known whether that has changed since: "
            f"it is kept from round {rounds} on",
            stacklevel=2,
        )
    if now or was.modules:
        _write(run, was, now, was.accepted)
    own = str((run / FOLDER).absolute())
    folders = code.module_folders({"config": config, **ingredients})
    if elsewhere := {package: folder for package, folder in folders.items() if folder != own}:
        files.write_json(run / "modules.json", elsewhere)
    code.trust(elsewhere.values())  # this command has run what lies there already
    code.trust(module.sha256 for module in now.values())


def changes_of(run: Path, config: Any, ingredients: Mapping[str, dict]) -> list[Change]:
    """What defines a run and is not as the run folder keeps it; nothing where it keeps no code."""
    was = read(run)
    return (
        differences(was, modules(config, ingredients), config, ingredients) if was.modules else []
    )


def modules(config: Any, ingredients: Mapping[str, dict]) -> dict[str, Module]:
    """The user's modules that a run reaches, those of networks from other runs among them."""
    return user_code.modules({"config": config, **ingredients})


def differences(
    was: Kept, now: Mapping[str, Module], config: Any, ingredients: Mapping[str, dict]
) -> list[Change]:
    """What differs of the code that defines a run; code of evaluators alone does not."""
    if {i: m.sha256 for i, m in now.items()} == {i: m["sha256"] for i, m in was.modules.items()}:
        return []
    defining = {"config": _defining(config), **ingredients}
    scoring = now.keys() - user_code.modules(defining).keys()
    texts = {inside: module.text for inside, module in now.items() if inside not in scoring}
    before = {inside: text for inside, text in was.texts.items() if inside not in scoring}
    damaged = was.modules.keys() - was.texts.keys() - scoring
    same = [i for i in damaged if i in now and now[i].sha256 == was.modules[i]["sha256"]]
    before |= {inside: texts[inside] for inside in same}
    lost = [Change(i, "the file", None, "differs; its copy is damaged") for i in damaged - {*same}]
    return [*lost, *changes(before, texts, _reaching(defining, before, texts))]


def scoring_digest(config: Any) -> str:
    """Of the code of a config's evaluators: equal where they would score alike; "" where all are
    genlab's.
    """
    return code_digest(config_lib.as_dict(config).get("evaluate") or {})


def code_digest(config: Any) -> str:
    """Of the user's code that a config, or a part of one, reaches; "" where there is none."""
    texts = {inside: module.text for inside, module in user_code.modules(config).items()}
    return digest(texts, _reaching(config, texts))


def make_importable(
    run: Path, named: Callable[[], tuple[Any, Mapping[str, dict]]], resuming: bool
) -> None:
    """Lets the modules be imported that a run's config names: from where they were, or the run's
    own copies where those are gone or (unless it is to be resumed, which `keep` refuses) are not
    what they were; a warning says so.

    named: gives the config and what is recorded of ingredients

    Raises ConfigError for code that no run on this machine has used.
    """
    was = read(run)
    try:
        code.find(run / "modules.json")
    except ConfigError:
        if not was.modules or not _trusted(was):
            raise
    if not was.modules:
        return
    config, ingredients = named()
    now = {i: m for i, m in modules(config, ingredients).items() if not user_code.is_live(i)}
    gone = [i for i, m in was.modules.items() if i not in now and not user_code.located(_name(i))]
    stay = {i: Module(run / FOLDER / i, i, was.texts[i]) for i in gone if i in was.texts}
    gone = [inside for inside in gone if not user_code.is_live(inside)]  # no module is to be found
    changed = differences(was, {**stay, **now}, config, ingredients)
    if gone and not changed:
        _use_copies(run, was, f"{', '.join(gone)} is gone")
    elif changed and not resuming:
        _use_copies(run, was, listed(changed))


def listed(changed: Iterable[Change]) -> str:
    """Changes in a line, the first few by name."""
    names = [str(change) for change in changed]
    more = f"; {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(names[:SHOWN]) + more


def diff(was: Mapping[str, str], now: Mapping[str, str], before: str, after: str) -> str:
    """The unified diff of two states, texts by path, called `before` and `after`."""
    lines = []
    for inside in dict.fromkeys([*was, *now]):
        old, new = (texts.get(inside, "").splitlines() for texts in (was, now))
        names = f"{before}/{inside}", f"{after}/{inside}"
        lines += difflib.unified_diff(old, new, *names, lineterm="")
    return "\n".join(lines)


def _reaching(config: Any, *states: Mapping[str, str]) -> set[str]:
    """The names by which a config reaches definitions: all of those that objects are made of."""
    texts = (text for state in states for i, text in state.items() if user_code.is_live(i))
    return user_code.names(config).union(*map(defined, texts))


def _defining(config: Any) -> dict:
    plain = config_lib.as_dict(config)
    return {name: value for name, value in plain.items() if name not in MUTABLE_ON_RESUME}


def _rounds(run: Path) -> int:
    """Of the newest checkpoint; 0 for a run that would begin anew."""
    places = (run / "checkpoints").glob("*")
    return max((int(p.name) for p in places if p.name.isdecimal()), default=0)


def _accepted(was: Kept, now: Mapping[str, Module], changed: list[Change], rounds: int) -> dict:
    texts = {inside: module.text for inside, module in now.items()}
    return {
        "round": rounds,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "changes": [str(change) for change in changed],
        "diff": diff(was.texts, texts, "before", f"after round {rounds}"),
    }


def _write(run: Path, was: Kept, now: Mapping[str, Module], accepted: list[dict]) -> None:
    entries = {i: {"sha256": m.sha256, "from": str(m.file)} for i, m in sorted(now.items())}
    copied = {i: m["sha256"] for i, m in was.modules.items() if i in was.texts}
    if copied == {i: m["sha256"] for i, m in entries.items()} and accepted == was.accepted:
        return
    for inside, module in now.items():
        target = run / FOLDER / inside
        with files.writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(target, module.text)
    files.write_json(run / FILE, {"modules": entries, "accepted": accepted})


def _use_copies(run: Path, was: Kept, why: str) -> None:
    place = (run / FOLDER).absolute()
    for inside, entry in was.modules.items():
        loaded = user_code.located(_name(inside)) if _name(inside) in sys.modules else None
        if loaded and loaded.sha256 != entry["sha256"]:
            raise ConfigError(
                f"{run} was trained with other code ({why}), and this process has imported "
                f"{loaded.file}: read the run in a new process, which takes the copy in {place}"
            )
    if damaged := [inside for inside in was.modules if inside not in was.texts]:
        raise ConfigError(f"{run}: {why}, and the copy {place / damaged[0]} is damaged or missing")
    if not _trusted(was):
        raise ConfigError(
            f"{run}: {why}; its own copy is in {place}, which no run here was trained with: look "
            f"at it, and if you trust it, PYTHONPATH={shlex.quote(str(place))} genlab ..."
        )
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    importlib.invalidate_caches()
    warnings.warn(f"{run}: {why}: using the run's own copy in {place}", stacklevel=2)


def _trusted(was: Kept) -> bool:
    return all(code.trusted(entry["sha256"]) for entry in was.modules.values())


def _name(inside: str) -> str:
    return Module(Path(), inside, "").name
