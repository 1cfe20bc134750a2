"""Networks that a run takes from other runs: which its config names, where they are read from, and
what is recorded of them.

A config names them as `spec(trained, "runs/x", "gen")` and as `begin={"gen": "runs/x"}`. A relative
path is looked for from the working directory. A run's `ingredients.json` keeps, by the place in its
config, the absolute path, the round, the fingerprint of the weights and the network's own spec.
"""

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import CALL, ConfigError, build, did_you_mean
from genlab.runs import saved
from genlab.runs.folder import RunFolder
from genlab.runs.identity import FROZEN_NETWORK, OF_FILES, TRAINED

HELD: dict[str, dict] = {}
"""Variables by fingerprint: the weights of frozen networks that this process has built."""


class Named(NamedTuple):
    """A network as a config names it.

    where:   in the config: "method.encoder", "begin.gen"
    run:     the other run's folder, as written
    network: its name there
    step:    None for the checkpoint that `evaluate` judges
    """

    where: str
    run: str
    network: str
    step: int | None = None


class Ingredient(NamedTuple):
    """A network read from a run folder: its spec, and its weights as `saved.Network` has them;
    which networks its run has, and which columns these are given.
    """

    run: Path
    net: ConfigDict
    step: int
    chosen: str
    variables: dict
    sha256: str
    networks: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def named(config: Any) -> list[Named]:
    """Every network of another run that a config names."""
    plain = config_lib.as_dict(config)
    found = [
        Named(where, node["run"], node["network"], node.get("step"))
        for where, node in _nodes(plain)
        if node.get(CALL) in TRAINED
    ]
    begin = plain.get("begin") or {}
    return [*found, *(_begun(network, value) for network, value in begin.items())]


def used(config: Any) -> dict[str, dict]:
    """What `ingredients.json` records of each, by its place in the config.

    Raises ConfigError, by name, for one that is missing.
    """
    records = {}
    for one in named(config):
        with _said(one):
            found = read(one.run, one.network, one.step)
        records[one.where] = {
            "run": str(found.run),
            "network": one.network,
            "step": found.step,
            "checkpoint": found.chosen,
            "sha256": found.sha256,
            "net": config_lib.as_dict(found.net),
        }
    return records


def weights(config: Any) -> dict[str, dict]:
    """The arguments of the program that makes a run's first state: variables by network under
    "begin", by fingerprint under "frozen".
    """
    found = {"begin": {}, "frozen": {}}
    for one in named(config):
        with _said(one):
            other = read(one.run, one.network, one.step)
        kind, _, network = one.where.partition(".")
        if kind == "begin":
            found["begin"][network] = other.variables
        else:
            found["frozen"][other.sha256] = other.variables
    for _, node in _nodes(config_lib.as_dict(config)):
        if node.get(CALL) in OF_FILES:
            fingerprint = build(config_lib.from_dict(node)).sha256
            found["frozen"] |= {s: kept for s, kept in HELD.items() if s == fingerprint}
    return found


def refuse_absent(config: Any) -> None:
    """ConfigError for a frozen network whose weights this process has not read: a run cannot begin
    from what `RunFolder.standalone` describes.
    """
    for where, node in _nodes(config_lib.as_dict(config)):
        known = node.get("sha256") or ""
        if node.get(CALL) in OF_FILES and known and known not in HELD:
            raise ConfigError(f"{where}: there is no file {node['file']}: give its path")
        if node.get(CALL) == FROZEN_NETWORK and known not in HELD:
            raise ConfigError(
                f"{where}: the weights {node['sha256'][:12]} are not at hand: name the run they "
                "are from, spec(trained, 'runs/x', 'network')"
            )


def read(run: str | Path, network: str, step: int | None = None) -> Ingredient:
    """A network of a run folder, as `evaluate` judges it, or as it was after round `step`.

    Raises ConfigError where there is no such run, checkpoint or network.
    """
    if not (Path(run) / "config.json").is_file():
        raise ConfigError(
            f"{run} is no run folder (looked for from {os.getcwd()}): train it first, or give its "
            "path from there"
        )
    folder = RunFolder.at(Path(run).resolve())
    config = folder.standalone
    held = saved.read(folder.checkpoints, config.loop.best, step)
    found = saved.network(held, network, str(run))
    spec_of, given = _spec_of(config.method, network, str(run)), config.method.get("given") or ()
    return Ingredient(folder.path, spec_of, *found, tuple(held.params), tuple(given))


def keep(found: Ingredient) -> str:
    """Its fingerprint; its weights are in `HELD` from now on."""
    HELD[found.sha256] = found.variables
    return found.sha256


def networks(method: Any) -> dict[str, Any]:
    """A method's modules by the names of its networks: what its property `networks` says, else its
    fields by their own names.
    """
    fields = {f.name: getattr(method, f.name) for f in dataclasses.fields(method)}
    return {**fields, **getattr(method, "networks", {})}


def _spec_of(method: ConfigDict, network: str, run: str) -> ConfigDict:
    """The spec of a network inside a method's config, with "encoder.trunk" of a part."""
    first, *inner = network.split(".")
    made = build(method)
    module = networks(made).get(first)
    path = module is not None and next(_paths(made, module), None)
    if not path:
        raise ConfigError(
            f"{run}: which module of {type(made).__name__} is network {first!r}? Name its field "
            f"{first!r}, or give the method a property `networks` that maps names to modules"
        )
    try:
        return functools.reduce(lambda node, part: node[part], [*path, *inner], method)
    except (KeyError, TypeError):
        raise ConfigError(f"{run}: network {first!r} has no part {network!r}") from None


def _paths(node: Any, module: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of fields by which a dataclass holds `module`, outer ones first."""
    if not dataclasses.is_dataclass(node):
        return
    held = {
        f.name: getattr(node, f.name, None)
        for f in dataclasses.fields(node)
        if f.name not in ("parent", "name")
    }
    yield from ((*at, name) for name, value in held.items() if value is module)
    for name, value in held.items():
        yield from _paths(value, module, (*at, name))


def _nodes(node: Any, at: str = "") -> Iterator[tuple[str, dict]]:
    """Every mapping in plain data, by its path."""
    if isinstance(node, dict):
        yield at, node
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in children:
        if isinstance(value, dict | list | tuple):
            yield from _nodes(value, f"{at}.{name}" if at else str(name))


def _begun(network: str, value: Any) -> Named:
    """One entry of `begin`: "runs/x", "runs/x:network", or {run, network, step}."""
    where = f"begin.{network}"
    if isinstance(value, str):
        run, colon, other = value.rpartition(":")
        if (Path(value) / "config.json").is_file():  # a run whose name has a colon
            return Named(where, value, network)
        if not colon or not other.replace(".", "_").isidentifier():
            run, other = value, network
        return Named(where, run, other)
    known = ("run", "network", "step")
    if not isinstance(value, Mapping) or "run" not in value:
        raise ConfigError(f"{where} is {value!r}; give 'runs/x', 'runs/x:network' or a mapping")
    if odd := [name for name in value if name not in known]:
        raise ConfigError(f"{where} has no field {odd[0]!r}{did_you_mean(odd[0], known)}")
    return Named(where, value["run"], value.get("network", network), value.get("step"))


class _said:
    """Puts the place in the config before what is wrong with an ingredient."""

    def __init__(self, one: Named):
        self.one = one

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, ConfigError | RuntimeError):
            raise ConfigError(f"{self.one.where}: {error}") from error
