"""How the variants were set: where they differ, what they ran on, and how to run them again."""

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
    """What to type to get the same runs and this page, in the folder that it is of: one that was
    moved since has its new name.
    """
    commits = dict.fromkeys(str(run.env["commit"]) for run in sweep.runs if run.env.get("commit"))
    checkout = [_checkout(commit) for commit in list(commits)[:1]]
    typed = sweep.folder if not sweep.folder.is_absolute() else Path(sweep.folder.name)
    used = dict.fromkeys(_used(run, sweep.folder, typed) for run in sweep.runs)
    used.pop("", None)
    report = f"genlab report --workdir={shlex.quote(str(typed))}"
    return [*checkout, "python -m pip install --editable .", *(used or _again(sweep)), report]


def _used(run: Run, folder: Path, typed: Path) -> str:
    """The command that made a run; where its `--workdir` has another name by now, with that."""
    command = str(run.env.get("command") or "")
    try:
        words = shlex.split(command)
    except ValueError:  # no command that genlab wrote
        return command
    own = {"sweep": typed, "train": typed / run.folder.relative_to(folder)}
    now = own.get(words[1]) if words[:1] == ["genlab"] and len(words) > 1 else None
    given = next((at for at, word in enumerate(words) if word.startswith("--workdir")), None)
    if now is None or given is None:
        return command
    joined = "=" in words[given]
    was = words[given].partition("=")[2] if joined else " ".join(words[given + 1 : given + 2])
    if Path(was).name == now.name:
        return command
    words[given : given + (1 if joined else 2)] = [f"--workdir={now}"]
    return shlex.join(words)


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
