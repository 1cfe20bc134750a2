"""The run folder: the only thing that training, evaluation, benchmark and report have in common.

config.json    the whole config, every default written out
modules.json   the folders of modules that it names and that are not installed
code/, code.json  copies of those modules, their sha256, and changes that were accepted; in
               code/__live__/ the sources of objects of the process that made it
places.json    what relative paths of its data stand for
columns.json   the kinds of the data's columns, with the names of labels
conditions.json  training rows of several columns that the method is given
data.json      sha256 of every file it was trained on (see `runs.data_files`)
ingredients.json  networks taken from other runs: where from, which weights, their specs
env.json       versions, commit and hardware, of each start
metrics.jsonl  a line per log row; evals.jsonl a line per evaluation
cost.json      FLOPs per round, parameters, compile time; seconds of the rounds of a trace
profile/, profile.json  a trace of some rounds, and what they spend their time on (`--profile`)
clock.jsonl    seconds of each start by what they were spent on: see `runs.goodput`
status.json    running | interrupted | finished | failed, and why; after a kill, running
unlogged.json  of an interrupted run: the rounds of the log row it was in
checkpoints/   Orbax; samples/ pictures

Reading a run may import code that it names: see `runs.code`.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, live, one_line, places
from genlab.runs import data_files, files, kept_code, saved
from genlab.runs.identity import identity, relocated, standalone

NAMES = "checkpoints cannot be kept in a folder of that name: give another"


class RunFolder:
    """One run's files. Each is written whole or not at all, except that a kill may cut off the last
    line of a log.
    """

    def __init__(self, path: str | Path, writes: bool = True):
        self.path, self.writes = work_folder(path), writes  # one of several processes writes

    @classmethod
    def start(
        cls,
        path: str | Path,
        config: ConfigDict,
        ingredients: Mapping[str, dict] = MappingProxyType({}),
        data: data_files.Contents = MappingProxyType({}),
    ) -> "RunFolder":
        """Makes the folder, or takes it up again under the same config and code, on the same files
        and with the same networks of other runs (see `ingredients.used`).

        Raises ConfigError naming the fields, functions or files that differ, where they define the
        run.
        """
        run = cls(path)
        run.refuse_other(config, ingredients, data)
        kept_code.refuse_changed(run.path, config, ingredients)
        with files.writing(run.path):
            (run.path / "samples").mkdir(parents=True, exist_ok=True)
        if ingredients:
            kept = {
                where: {**one, "beside": os.path.relpath(one["run"], run.path)}
                for where, one in ingredients.items()
            }
            run.write("ingredients.json", kept)
        written = config_lib.as_dict(config)
        if run.exists and places.same_data(run.config, config):
            written["data"] = config_lib.as_dict(run.own_config)["data"]  # paths as first given
        elif found := places.paths(config):
            run.write("places.json", found)
        run.write("config.json", written)
        if data:
            run.write(data_files.FILE, data)
        kept_code.keep(run.path, config, ingredients)
        return run

    @classmethod
    def at(cls, path: str | Path, resuming: bool = False) -> "RunFolder":
        """A run that exists, to be read or (`resuming`) trained on; ConfigError where there is
        none.

        The modules that its config names can be imported from then on: see
        `kept_code.make_importable`.
        """
        run = cls(path)
        run._refuse_headless()
        if not run.exists:
            advice = "train one with `genlab train`"
            if (run.path / "sweep.json").is_file():
                advice = "it is a sweep; give one of its runs, as VARIANT/seed0"
            raise ConfigError(f"{run.path} is no run folder: it has no config.json; {advice}")
        kept_code.make_importable(run.path, lambda: (run.config, run.ingredients), resuming)
        return run

    def refuse_other(
        self, config: ConfigDict, ingredients: Mapping[str, dict], data: data_files.Contents
    ) -> None:
        """ConfigError, as `start` raises it, but for changed code: of a run of another config, on
        other files, or with other networks of other runs.
        """
        self._refuse_headless()
        if not self.exists:
            return
        self._refuse_changed(ingredients)
        unlike = config_lib.differences(self.identity, identity(config, ingredients))
        changed = {
            name: values
            for name, values in unlike.items()
            if not (name.startswith("data.") and data_files.moved(self.path, data, *values))
        }
        if changed:
            fields = "; ".join(
                f"{name} was {_shown(old)}, is {_shown(new)}"
                for name, (old, new) in changed.items()
            )
            raise ConfigError(
                f"{self.path} holds a run of another config ({fields}): "
                "give another --workdir, or the old values to resume it"
            )
        data_files.refuse_changed(self.path, data)

    def _refuse_headless(self) -> None:
        """Checkpoints without the config that they were trained under belong to no run."""
        if not self.exists and (left := saved.rounds(self.checkpoints)):
            raise ConfigError(
                f"{self.path} has checkpoints, of round {left[-1]} for one, and no config.json, "
                "which says what they are of: put it back, or give another --workdir, or move "
                "checkpoints/ away to begin anew"
            )

    @property
    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return (self.path / "config.json").is_file()

    @property
    def config(self) -> ConfigDict:
        """The run's config, rebuilt from its JSON; where the path of a run it is made from leads
        nowhere from here, it is that where it was, or now lies beside this one; a relative path of
        its data is where it was when the run was started.
        """
        return places.moved(self.own_config, files.object_in(self.path / "places.json"))

    @property
    def own_config(self) -> ConfigDict:
        """The config with the paths of its data as they were written."""
        written = config_lib.read(self.path / "config.json")
        if not (kept := self.ingredients):
            return written
        found = {where: self._found(one) for where, one in kept.items()}
        return config_lib.from_dict(relocated(config_lib.as_dict(written), found))

    @property
    def written(self) -> dict:
        """The config as it was written, without defaults that came later."""
        return files.object_in(self.path / "config.json")

    def keep_columns(self, columns: Mapping[str, Any]) -> None:
        """Writes the kinds of the data's columns, for whoever reads the run without the data; not
        those that cannot be written down as a spec, for which the data are then needed.

        Raises ConfigError as `checked_columns` does.
        """
        if now := self.checked_columns(columns):
            self.write("columns.json", now)

    def checked_columns(self, columns: Mapping[str, Any]) -> dict:
        """The kinds of the data's columns as plain data, {} of those that cannot be written down.

        Raises ConfigError where a run that goes on had other kinds: its labels would be others'.
        """
        try:
            now = config_lib.as_dict(config_lib.from_dict(columns))
        except ConfigError:
            return {}
        before = config_lib.as_dict(self.columns)
        if before and (changed := config_lib.differences(before, now)):
            told = "; ".join(f"{n} was {old!r}, is {new!r}" for n, (old, new) in changed.items())
            raise ConfigError(
                f"{self.path} was trained on data of other columns ({one_line(told)}): bring those "
                "back to go on, or train in another --workdir"
            )
        return now

    @property
    def columns(self) -> dict[str, ConfigDict]:
        """The specs of the kinds of the data's columns, by name; {} in the folders of runs that
        kept none.
        """
        return dict(config_lib.from_dict(files.object_in(self.path / "columns.json")))

    def keep_conditions(self, rows: Mapping[str, Any]) -> None:
        """Writes training rows of the columns that the method is given, [N, ...] by name, for
        samples of conditions that go together as in the data.
        """
        if self.writes:
            plain = {name: _plain(x) for name, x in rows.items()}
            files.write_text(self.path / "conditions.json", json.dumps(plain) + "\n")

    @property
    def conditions(self) -> dict[str, list]:
        """What `keep_conditions` wrote; {} in the folders of runs that kept none."""
        return files.object_in(self.path / "conditions.json")

    def _found(self, one: Mapping) -> str | None:
        """The folder of a run that this one is made from; None if it is not found."""
        places = (one["run"], self.path / one.get("beside", ""))
        return next((str(p) for p in places if (Path(p) / "config.json").is_file()), None)

    @property
    def ingredients(self) -> dict[str, dict]:
        """What is recorded of the networks taken from other runs, by their place in the config."""
        return files.sound_object_in(self.path / "ingredients.json")

    @property
    def identity(self) -> dict:
        """What defines the run, the weights it took from other runs among it."""
        return identity(self.own_config, self.ingredients)

    @property
    def standalone(self) -> ConfigDict:
        """The run's config for reading its checkpoints: without the runs its networks are from."""
        return config_lib.from_dict(standalone(config_lib.as_dict(self.config), self.ingredients))

    def _refuse_changed(self, now: Mapping[str, dict]) -> None:
        for where, was in self.ingredients.items():
            found = now.get(where)
            if found and found["sha256"] != was["sha256"]:
                raise ConfigError(
                    f"{self.path} began with other weights at {where}: network "
                    f"{was['network']!r} of {was['run']} after round {was['step']} "
                    f"({was['sha256'][:12]}); {found['run']} now gives those after round "
                    f"{found['step']} ({found['sha256'][:12]}): give step={was['step']} if that "
                    "round is still there, or another --workdir"
                )

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.path / "checkpoints"

    @property
    def status(self) -> dict:
        """The state last written; {} for a run that has not begun."""
        return files.object_in(self.path / "status.json")

    @property
    def trains(self) -> bool:
        """Whether a process trains it; also after a kill, which nothing records."""
        return self.status.get("status") == "running"

    def write(self, name: str, value: Any) -> None:
        """JSON, whole or not at all; NotWritten where the disk does not take it."""
        if self.writes:
            files.write_json(self.path / name, value)

    def append(self, name: str, row: dict) -> None:
        """One JSON line; NotWritten where the disk does not take it."""
        if self.writes:
            files.append_row(self.path / name, row)

    def rows(self, name: str) -> list[dict]:
        """The whole lines of a log; a line cut off by a kill does not count."""
        return files.rows_in(self.path / name)

    def rewind(self, step: int) -> None:
        """Drops log rows after round `step`: a resumed run writes them again."""
        for name in ("metrics.jsonl", "evals.jsonl"):
            path, kept = self.path / name, [r for r in self.rows(name) if r.get("step", 0) <= step]
            text = "".join(json.dumps(row) + "\n" for row in kept)
            if self.writes and path.is_file() and path.read_text(errors="replace") != text:
                files.write_text(path, text)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder against a second run; released however the process ends."""
        with files.writing(self.path):
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                reason = f"--workdir={self.path} is a file, or lies in one: give a folder"
                raise ConfigError(reason) from None
            file = (self.path / ".lock").open("w")
        with file:
            try:
                files.lock(file)
            except BlockingIOError:
                raise ConfigError(
                    f"another process is running in {self.path}: wait for it, or give another "
                    "--workdir"
                ) from None
            yield


def _shown(value: Any) -> str:
    """A value of a config; of an object of a process what it is and the first of its sha256."""
    if not live.is_marker(value):
        return repr(value)
    return f"{live.shown(value)} ({value['sha256'][:12]})"


def work_folder(path: str | Path) -> Path:
    """The absolute path of a run's or a sweep's folder, which stays what it is when the working
    directory changes, with "~" for the home folder.

    Raises ConfigError for a name that checkpoints cannot be kept under.
    """
    found = os.path.abspath(os.path.expanduser(path))
    try:
        found.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"--workdir={path}: the name is no valid UTF-8: {NAMES}") from None
    if "\\" in found:
        raise ConfigError(f"--workdir={path}: {found} has a backslash: {NAMES}")
    return Path(found)


def _plain(rows: Any) -> list:
    """Numbers as JSON has them, float32 by the fewest digits that give it back."""
    if rows.dtype.kind == "f":
        rows = np.array([float(str(x)) for x in rows.ravel()]).reshape(rows.shape)
    return rows.tolist()
