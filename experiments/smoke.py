"""Shrinks the config of any experiment to a run of seconds of the same structure, for tests."""

from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from genlab import spec
from genlab.config import CALL, as_dict, from_dict, override, path_of
from genlab.config.files import load
from genlab.data import Source, from_arrays
from genlab.methods.gan.options import packed
from genlab.runs.folder import RunFolder
from genlab.runs.identity import with_paths
from genlab.sweep.plan import configure
from genlab.train.loop import fit

SMALL = {
    "width": 8,
    "hidden": 16,
    "channels": 8,
    "widths": 8,
    "cardinality": 2,
    "batch_size": 4,  # packs
    "samples": 64,
    "decode": 0,  # takes minutes; `tests/test_control.py` does
    "draws": 2,
}
FEW = {"groups": 1, "balance": 1, "cells": 1}  # of a hierarchy's levels, and cells of a level
LOOP = {
    "steps": 4,
    "rounds_per_call": 2,
    "log_every": 2,
    "checkpoint_every": 2,
    "sample_every": 2,
    "evaluate_every": 2,
}
DATA = {"examples": 48, "validation": 24, "test": 24, "held_out": 24}  # where these are counts
ABSENT = {  # what may have to be downloaded or installed: replaced by noise of that shape
    "genlab.data:tfds": ((32, 32, 3), 10),
    "genlab.data:mnist5k": ((28, 28, 1), 10),
}

SIZES = {  # of sets that are not 32x32x3
    "binarized_mnist": (28, 28, 1),
    "mnist": (28, 28, 1),
    "shapes3d": (64, 64, 3),
}


def noise(shape: tuple[int, ...], classes: int, augment: tuple = ()) -> Source:
    """Images of noise with labels, for sets that may not be there."""
    rng = np.random.default_rng(0)
    made = rng.integers(0, 256, (48, *shape), dtype=np.uint8)
    return from_arrays(made, np.arange(48) % classes, validation=12, test=12, augment=augment)


def shrink(config: ConfigDict) -> ConfigDict:
    """The same game with narrow networks and four rounds; changes `config` in place."""
    for name, steps in LOOP.items():
        config.loop[name] = steps if config.loop[name] else 0
    if config.data.get(CALL) in ABSENT:
        augment, (size, classes) = config.data.get("augment", ()), ABSENT[config.data[CALL]]
        size = config.data.get("shape") or SIZES.get(config.data.get("name"), size)
        override(config, "data", spec(noise, tuple(size), classes, augment=augment))
    _few(config.data)
    _shrink(config, config, "")
    for option in config.method.get("options", ()):
        config.batch_size *= option.m if option[CALL] == path_of(packed) else 1
    return config


def made_from(file: Path, config: ConfigDict, folder: Path) -> ConfigDict:
    """`config` with the runs that it is made from, other variants of `file`, shrunk and trained in
    `folder`, once each.
    """

    def trained(path: str) -> str:
        run = folder / Path(path).parent.name
        if not RunFolder(run).exists:
            fit(shrink(configure(load(file), run.name, {"loop.devices": 1})), run)
        return str(run)

    plain = as_dict(config)
    return from_dict(found) if (found := with_paths(plain, trained)) != plain else config


def _few(data: ConfigDict) -> None:
    """Few examples, of a set within a set too."""
    if "examples" in data:
        data.update({n: few for n, few in DATA.items() if isinstance(data.get(n), int)})
    for within in data.values():
        if isinstance(within, ConfigDict):
            _few(within)


def _smaller(value, most: int):
    """A number or numbers of at most so much; a name as it is."""
    if isinstance(value, tuple):
        return tuple(_smaller(each, most) for each in value)
    return min(value, most) if isinstance(value, int) else value


def _shrink(root: ConfigDict, node, path: str) -> None:
    if isinstance(node, tuple):
        node = {str(i): value for i, value in enumerate(node)}
    for name, value in node.items():
        where = f"{path}.{name}" if path else name
        if isinstance(value, ConfigDict) or (
            isinstance(value, tuple) and any(isinstance(v, ConfigDict) for v in value)
        ):
            _shrink(root, value, where)
        elif name in SMALL and not path.startswith("data"):
            small = _smaller(value, SMALL[name])
            override(root, where, small)
        elif name in FEW and (isinstance(value, tuple) or name == "cells"):
            override(root, where, _smaller(value, FEW[name]))
        elif name == "steps" and path.startswith("evaluate"):
            override(root, where, 20)
