"""Which parts of a config define the run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import CALL, live

MUTABLE_ON_RESUME = ("loop", "evaluate", "recalibrate", "title")
TRAINED = ("genlab:trained", "genlab.nets:trained", "genlab.nets.frozen:trained")

FROZEN_NETWORK = "genlab.nets:Frozen"
OF_FILES = ("genlab.features.vgg:vgg",)  # networks with the weights of a file
NONE: Mapping[str, dict] = MappingProxyType({})


def identity(config: ConfigDict, ingredients: Mapping[str, dict] = NONE) -> dict:
    """The part of a config that defines the run: two runs with the same identity play the same
    rounds. The placement is part of it, for under "pmap" each device draws for its own rows.

    ingredients: what is recorded of networks taken from other runs (`ingredients.used`): their
                 weights define the run, not the path they were read from
    """
    whole = live.defining(config_lib.as_dict(config))
    kept = {k: v for k, v in whole.items() if k not in MUTABLE_ON_RESUME}
    kept["loop"] = {"placement": whole.get("loop", {}).get("placement", "jit")}
    begin = kept.pop("begin", {})  # absent where it is empty, as in the folders of older runs
    kept = _by_weights(kept, ingredients)
    return (
        {**kept, "begin": {n: _sha256(ingredients, f"begin.{n}") for n in begin}} if begin else kept
    )


def relocated(config: Any, found: Mapping[str, str | None], at: str = "") -> Any:
    """Plain data of a config with the paths that are `found` for networks of other runs, where
    those written lead nowhere.
    """
    if isinstance(config, Mapping):
        inner = {n: relocated(v, found, f"{at}.{n}" if at else n) for n, v in config.items()}
        path = found.get(at)
        lost = "run" in inner and path and not (Path(inner["run"]) / "config.json").is_file()
        return {**inner, "run": path} if lost else inner
    if isinstance(config, list | tuple):
        return [relocated(value, found, f"{at}.{n}") for n, value in enumerate(config)]
    if at.startswith("begin.") and found.get(at) and isinstance(config, str):
        run, colon, network = config.rpartition(":")
        if not any((Path(p) / "config.json").is_file() for p in (config, run)):
            return f"{found[at]}:{network}" if colon else found[at]
    return config


def with_paths(config: Any, change: Callable[[str], str], begin: bool = False) -> Any:
    """Plain data of a config with `change` made to every path by which it names another run."""
    if isinstance(config, str):
        return change(config) if begin else config
    if isinstance(config, Mapping):
        found = {
            name: with_paths(value, change, begin or name == "begin")
            for name, value in config.items()
        }
        return {**found, "run": change(config["run"])} if config.get(CALL) in TRAINED else found
    if isinstance(config, list | tuple):
        return [with_paths(value, change, begin) for value in config]
    return config


def standalone(config: Any, ingredients: Mapping[str, dict], at: str = "") -> Any:
    """Plain data of a config in which each network of another run is a frozen network of the spec
    that was recorded: what is built from it needs no other run, but a checkpoint with the weights.
    """
    if isinstance(config, Mapping):
        if config.get(CALL) in TRAINED and at in ingredients:
            kept = ingredients[at]
            return {CALL: FROZEN_NETWORK, "net": kept["net"], "sha256": kept["sha256"]}
        return {
            name: standalone(value, ingredients, f"{at}.{name}" if at else name)
            for name, value in config.items()
            if at or name != "begin"
        }
    if isinstance(config, list | tuple):
        return [standalone(value, ingredients, f"{at}.{n}") for n, value in enumerate(config)]
    return config


def _by_weights(node: Any, ingredients: Mapping[str, dict], at: str = "") -> Any:
    if isinstance(node, Mapping):
        if node.get(CALL) in TRAINED:
            return {CALL: node[CALL], "sha256": _sha256(ingredients, at)}
        if node.get(CALL) in OF_FILES and node.get("sha256"):
            return {name: value for name, value in node.items() if name != "file"}
        return {
            name: _by_weights(value, ingredients, f"{at}.{name}" if at else name)
            for name, value in node.items()
        }
    if isinstance(node, list | tuple):
        return [_by_weights(value, ingredients, f"{at}.{n}") for n, value in enumerate(node)]
    return node


def _sha256(ingredients: Mapping[str, dict], where: str) -> str | None:
    return ingredients.get(where, {}).get("sha256")
