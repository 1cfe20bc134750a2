"""Verdicts in a table: a CSV file that a person filled in.

picture,other,verdict                    with --of=RUN/generated/FOLDER of `genlab sample`
00003,00007,first
00004,,up

seed,n,given,picture,other,verdict,model      by itself
0,16,"category=dress,hue=0.3",3,7,second,5f2c91ab03d4
"""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from genlab.config import ConfigError, did_you_mean
from genlab.feedback.verdicts import ASKED, Verdict, checked
from genlab.runs import requests
from genlab.runs.files import sound_object_in
from genlab.sampling.conditions import read_given
from genlab.sampling.load import TrainedRun

COLUMNS = ("picture", "other", "verdict", "seed", "n", "given", "model")
SHORTEST = 8  # characters of a fingerprint


def read(run: TrainedRun, path: str | Path, of: str | Path | None = None) -> list[Verdict]:
    """The verdicts in a CSV file on samples of `run`.

    of: the folder of `genlab sample` that the pictures are in

    ConfigError, with the line, for a verdict that makes no sense and for one on another model.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    about = {} if of is None else _request(Path(of))
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        _check_columns(path, rows.fieldnames or ())
        found = []
        for one in rows:
            where = f"{path}, line {rows.line_num}"
            try:
                found.append(_verdict(run, one, about))
            except ConfigError as error:
                raise ConfigError(f"{where}: {error}") from None
    if not found:
        raise ConfigError(f"{path} has no verdicts: give lines under {','.join(COLUMNS[:3])}")
    return found


def _request(folder: Path) -> dict[str, Any]:
    """What a folder of samples says was asked, and of which model."""
    found = sound_object_in(folder / requests.RECORD)
    if not found:
        raise ConfigError(f"--of={folder} has no {requests.RECORD}: give a folder of genlab sample")
    if found.get("selection"):
        raise ConfigError(
            f"--of={folder}: its samples were selected by a reward, and are not drawn again from "
            "their request: judge samples that were not"
        )
    return found


def _check_columns(path: Path, names) -> None:
    if odd := [name for name in names if name not in COLUMNS]:
        hint = did_you_mean(odd[0], COLUMNS) or f"; they are {', '.join(COLUMNS)}"
        raise ConfigError(f"{path}: no column {odd[0]!r}{hint}")
    if missing := [name for name in ("picture", "verdict") if name not in names]:
        first = ",".join(COLUMNS[:3])
        raise ConfigError(f"{path} has no column {missing[0]!r}: begin with {first}")


def _verdict(run: TrainedRun, one: Mapping[str, str], about: Mapping[str, Any]) -> Verdict:
    if None in one:
        raise ConfigError("more values than columns: put a value that has commas in quotes")
    cells = {name: (text or "").strip() for name, text in one.items()}
    _check_model(run, cells.get("model") or about.get("model") or "")
    ask = {name: about[name] for name in ASKED if about.get(name)}
    ask |= {name: _whole(name, cells[name]) for name in ("seed", "n") if cells.get(name)}
    if cells.get("given"):
        ask["given"] = read_given(cells["given"])
    if "n" not in ask:
        raise ConfigError("of how many samples? Give a column n and seed, or --of=FOLDER")
    picture, other = (_place(name, cells.get(name, "")) for name in ("picture", "other"))
    if picture is None:
        raise ConfigError("no picture: give its number, or the name of its file")
    return checked(Verdict(ask, picture, other, cells["verdict"].lower()))


def _check_model(run: TrainedRun, theirs: str) -> None:
    own = run.weights.fingerprint
    if len(theirs) < SHORTEST:
        raise ConfigError(
            "of which model? Give --of=FOLDER of the samples, or a column model with "
            f"{SHORTEST} or more characters of its fingerprint, {own[:12]} of round {run.step}"
        )
    if not own.startswith(theirs):
        raise ConfigError(
            f"a verdict on another model, {theirs[:12]}; {run.folder.path} is {own[:12]} after "
            f"round {run.step}: give --step=ROUND, or the run that was judged"
        )


def _place(name: str, text: str) -> int | None:
    """The number of a picture, of "7", "00007" and "images/00007.png"; None of nothing."""
    return _whole(name, PurePath(text).stem) if text else None


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{name}={text!r}: expected a whole number from 0 up")
    return int(text)
