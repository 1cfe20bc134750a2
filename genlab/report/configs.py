"""How the variants were set: where they differ, what they ran on, and how to run them again."""

import argparse
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import CALL, differences, live
from genlab.report.reading import Run, Sweep
from genlab.runs.identity import with_paths

ABSENT = "–"
OF_ONE_START = ("started", "command")  # fields of env.json that say nothing of the machine


class Difference(NamedTuple):
    """A field and its value in every variant; `changed` says which differ from the first."""

    field: str
    values: tuple[str, ...]
    changed: tuple[bool, ...]


def known(sweep: Sweep) -> dict[str, dict]:
    """Each variant's config, without the seed, from its first run that has one."""
    found = {}
    for run in sweep.runs:
        if run.config and run.variant not in found:
            found[run.variant] = _seedless(run)
    return {variant: found[variant] for variant in sweep.variants if variant in found}


def compared(configs: Mapping[str, dict]) -> list[Difference]:
    """The fields in which any variant differs from the first, in the order of the config.

    Of a part that one variant lacks and another changed, only what was changed has a row.
    """
    if not configs:
        return []
    first = next(iter(configs.values()))
    paths = {p for config in configs.values() for p in differences(first, config)}
    parents = {p for p in paths if any(other.startswith(f"{p}.") for other in paths)}
    order = list(dict.fromkeys(name for config in configs.values() for name in config))
    rows = sorted(paths - parents, key=lambda path: (order.index(path.partition(".")[0]), path))
    return [_difference(path, list(configs.values())) for path in rows]


def strays(sweep: Sweep) -> list[str]:
    """Runs whose config differs from their variant's in more than the seed, a line each."""
    configs = known(sweep)
    lines = []
    for run in sweep.runs:
        if run.config and (fields := differences(configs[run.variant], _seedless(run))):
            lines.append(f"{run.name} has a config unlike its variant's: {', '.join(fields)}")
    return lines


def call_text(node: Any) -> str:
    """A config as it would be written: `adam(learning_rate=0.0002)`."""
    if live.is_marker(node):
        return live.shown(node)
    if isinstance(node, Mapping):
        inner = ", ".join(f"{k}={call_text(v)}" for k, v in node.items() if k != CALL)
        return f"{short_call(node)}({inner})" if CALL in node else f"dict({inner})"
    if isinstance(node, list | tuple):
        return f"({', '.join(map(call_text, node))})"
    return node if isinstance(node, str) else json.dumps(node)


def short_call(node: Any) -> str:
    """The last name of what a node calls: `GAN` of `genlab.methods.gan.method:GAN`."""
    path: Any = node.get(CALL, "") if isinstance(node, Mapping) else ""
    path = str(path["name"] if live.is_marker(path) else path)
    return path.partition(":")[2].rpartition(".")[2] or path


def data_set(config: dict) -> str:
    """What the data is called: the function that makes it, and its name if it takes one."""
    called, name = short_call(config.get("data")), value_at(config, "data.name")
    return f"{name} ({called})" if isinstance(name, str) and called else called


def value_at(config: Any, path: str) -> Any:
    """The value at `a.b.c`; None where there is no such field."""
    for name in path.split("."):
        if not isinstance(config, Mapping) or name not in config:
            return None
        config = config[name]
    return config


def environment(sweep: Sweep) -> list[tuple[str, str]]:
    """Names and values of `env.json`; where runs differ, each value with the runs that had it."""
    values: dict[str, dict[str, list[str]]] = {}
    for run in sweep.runs:
        for name, value in run.env.items():
            if name in OF_ONE_START:
                continue
            told = values.setdefault(name, {})
            told.setdefault(call_text(value), []).append(run.name)
    return [(name, _by_run(told)) for name, told in values.items()]


def commands(sweep: Sweep) -> list[str]:
    """What to type to get the same runs and this page, which is then of the folder that the
    commands name.
    """
    commits = dict.fromkeys(str(run.env["commit"]) for run in sweep.runs if run.env.get("commit"))
    checkout = [_checkout(commit) for commit in list(commits)[:1]]
    of_runs = [(run, str(run.env["command"])) for run in sweep.runs if run.env.get("command")]
    used = dict.fromkeys([*sweep.commands, *(command for _, command in of_runs)])
    typed = sweep.folder if not sweep.folder.is_absolute() else Path(sweep.folder.name)
    places = {_place(command, run, sweep.single) for run, command in of_runs}
    places |= {_workdir(command) for command in sweep.commands}
    place = places.pop() if len(places) == 1 else None
    report = f"genlab report --workdir={shlex.quote(str(place or typed))}"
    return [*checkout, "python -m pip install --editable .", *(used or _again(sweep)), report]


def _place(command: str, run: Run, single: bool) -> Path | None:
    """Where a command made the folder that the report is of, which is the run's own where it is of
    a `single` run; None where it does not say.
    """
    given = _workdir(command)
    if given is None or ("train" in command.split()[:2]) is single:
        return given
    own = run.variant, f"seed{run.seed}"  # as a sweep calls it; under another name it says nothing
    if single:
        return given.joinpath(*own) if run.folder.resolve().name == own[1] else None
    return given.parent.parent if given.parts[-2:] == own else None


def _workdir(command: str) -> Path | None:
    """What a line of `genlab` has for `--workdir`."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    options.add_argument("--workdir", type=Path)
    try:
        return options.parse_known_args(shlex.split(command))[0].workdir
    except (ValueError, argparse.ArgumentError):  # no line that genlab wrote
        return None


def _checkout(commit: str) -> str:
    """The commit a run was made from; a "+" at its end says that the source had changed since."""
    clean = commit.removesuffix("+")
    remark = "  # with changes that the commit does not hold" if clean != commit else ""
    return f"git checkout {shlex.quote(clean)}{remark}"


def _again(sweep: Sweep) -> list[str]:
    """A run repeated from its config, which holds every default."""
    if not sweep.runs:  # no config could be read
        return []
    config = sweep.runs[0].folder.relative_to(sweep.folder) / "config.json"
    return [
        f"mkdir again && cp {shlex.quote(str(config))} again/",
        "genlab train --workdir=again && genlab evaluate --workdir=again",
    ]


def _seedless(run: Run) -> dict:
    """A run's config without what its seed says; runs it is made from are those of its seed."""
    plain = {name: value for name, value in run.config.items() if name != "seed"}
    return with_paths(plain, lambda path: path.replace(f"seed{run.seed}", "seed{seed}"))


def _difference(path: str, configs: list[dict]) -> Difference:
    found = [value_at(config, path) for config in configs]
    values = tuple(ABSENT if value is None else call_text(value) for value in found)
    return Difference(path, values, tuple(value != values[0] for value in values))


def _by_run(told: dict[str, list[str]]) -> str:
    if len(told) == 1:
        return next(iter(told))
    return "; ".join(f"{value} ({', '.join(runs)})" for value, runs in told.items())
