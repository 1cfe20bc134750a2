"""Reading what checkpoints hold without the program that wrote them: rounds, scores, weights."""

import contextlib
import functools
import hashlib
import json
import logging
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from genlab.config import ConfigError, did_you_mean

PARTS = ("params", "stats", "ema")  # of a State: what sampling and evaluation read
SELECTION = "validation"  # the split that `loop.best` is taken on: never one that is reported


class Weights(NamedTuple):
    """Networks of a checkpoint as they are sampled and evaluated: moving averages where there are
    any.

    step:   its round
    chosen: how it was chosen: "best validation SCORE", "last" or "round N"
    params: by network
    stats:  by network, then linen collection; or by the name of a carried statistic
    """

    step: int
    chosen: str
    params: dict
    stats: dict

    @property
    def fingerprint(self) -> str:
        """sha256 of all of them: whose samples are whose."""
        return fingerprint({"params": self.params, "stats": self.stats})


class Network(NamedTuple):
    """One network of a checkpoint: its linen variables on the host, and their fingerprint."""

    step: int
    chosen: str
    variables: dict
    sha256: str


def rounds(folder: Path) -> list[int]:
    """The rounds that a folder has checkpoints of, sound or not, ascending."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())


def recorded(folder: Path, step: int) -> dict[str, float]:
    """The scores of a checkpoint; none where it has none or is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return dict(json.loads((folder / str(step) / "sums/metadata").read_text())["scores"])
    return {}


def best_of(scores: Mapping[int, Mapping[str, float]], best: str) -> int | None:
    """The newest round of those with the best score; None where no round has it.

    best: as `loop.best`, lower is better unless it begins with "+"
    """
    sign = -1.0 if best.startswith("+") else 1.0
    found = {step: own.get(best.lstrip("+"), math.nan) for step, own in scores.items()}
    scored = [step for step, value in found.items() if not math.isnan(value)]
    return min(scored, key=lambda step: (sign * found[step], -step), default=None)


def averaged(params: Mapping, stats: Mapping, ema: Mapping) -> tuple[dict, dict]:
    """(params, stats) with the moving averages in place of what they follow."""
    params = {**params, **{network: average["params"] for network, average in ema.items()}}
    means = {n: {**stats[n], **average["stats"]} for n, average in ema.items() if n in stats}
    return params, {**stats, **means}


def newest(folder: str | Path) -> int | None:
    """The newest round in a folder of checkpoints; None where there is none."""
    return max((int(p.name) for p in Path(folder).glob("*") if p.name.isdecimal()), default=None)


def read(folder: str | Path, best: str = "", step: int | None = None) -> Weights:
    """The weights in a folder of checkpoints: of the best round where `best` names a score that
    they carry, else of the newest; or of round `step`. A damaged checkpoint is named in a warning
    and the next one is read.

    Raises ConfigError where there is none, RuntimeError where all are damaged.
    """
    folder = Path(folder).resolve()
    steps = rounds(folder)
    if not steps:
        raise ConfigError(f"{folder.parent} has no checkpoint yet: train it first")
    if step is not None and step not in steps:
        raise ConfigError(f"no checkpoint of round {step} in {folder}: {steps}")
    preferred = best_of({at: recorded(folder, at) for at in steps}, best) if best else None
    order = [step] if step is not None else sorted(steps, key=lambda at: (at == preferred, at))
    broken = []
    for at in order[::-1]:
        try:
            parts = _parts(folder, at, _changed(folder / str(at)))
        except Exception as error:  # Orbax raises many kinds for a damaged folder
            broken.append(f"{at} ({type(error).__name__}: {str(error).strip()[:200]})")
            continue
        if broken:
            told = f"damaged checkpoint in {folder}: {'; '.join(broken)}; using round {at} instead"
            warnings.warn(told, stacklevel=2)
        chosen = "last" if step is None and at == steps[-1] else f"round {at}"
        if step is None and at == preferred:
            chosen = f"best {SELECTION} {best.lstrip('+')}"
        return Weights(at, chosen, *averaged(*(parts[name] for name in PARTS)))
    raise RuntimeError(f"no checkpoint in {folder} can be read: {'; '.join(broken)}")


def stored(checkpoint: Path) -> int:
    """How many arrays a checkpoint holds, once every byte of them has been read.

    Raises what the libraries under Orbax do where one cannot be.
    """
    import tensorstore

    files = {"driver": "file", "path": f"{checkpoint / 'state'}/"}
    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": files}).result()
    names = store.list().result()
    for name in names:
        store.read(name).result()
    json.loads((checkpoint / "sums/metadata").read_text())
    return len({name.rpartition(b"/")[0] for name in names})


def network(weights: Weights, name: str, where: str) -> Network:
    """One network of a checkpoint, or a part of it by its path in linen, as "encoder.trunk".

    Raises ConfigError, which says `where` it was asked for, for a network that is not there.
    """
    first, *inner = name.split(".")
    if first not in weights.params:
        hint = did_you_mean(first, weights.params) or f"; it has {', '.join(weights.params)}"
        raise ConfigError(f"{where} has no network {first!r}{hint}")
    held = {"params": weights.params[first], **weights.stats.get(first, {})}
    for part in inner:
        held = {kind: tree[part] for kind, tree in held.items() if part in tree}
        if not held:
            raise ConfigError(f"{where}: network {first!r} has no part {name!r}")
    return Network(weights.step, weights.chosen, held, fingerprint(held))


def fingerprint(variables: Any) -> str:
    """sha256 of the bytes of every leaf, in the tree's order."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.hexdigest()


def weighed(params: Mapping, stats: Mapping, ema: Mapping) -> dict:
    """The part of a State whose checksum a checkpoint keeps for whoever reads weights alone."""
    own = {name: value for name, value in stats.items() if name in params}
    return {"params": params, "stats": own, "ema": ema}


def checksum(tree: Any) -> int:
    """As `checkpoint.checksum`, on the host."""
    total = 0
    for number, leaf in enumerate(jax.tree.leaves(tree)):
        leaf = np.asarray(leaf)
        width = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint32}[leaf.dtype.itemsize]
        bits = np.ascontiguousarray(leaf).reshape(-1).view(width).astype(np.uint32)
        places = np.arange(bits.size, dtype=np.uint32) + np.uint32(number)
        total += int((bits * (2 * places + 1)).sum(dtype=np.uint32))
    return total % 2**32


def _changed(checkpoint: Path) -> tuple:
    """When and how large the files of a checkpoint were written: what a cached reading is of."""
    files = (checkpoint / "state/manifest.ocdbt", checkpoint / "sums/metadata")
    return tuple((s.st_mtime_ns, s.st_size) for s in map(os.stat, files))


@functools.lru_cache(maxsize=8)
def _parts(folder: Path, step: int, changed: tuple) -> dict:
    """Params, stats and ema of a checkpoint, on the host, whatever devices they were trained on."""
    import orbax.checkpoint as ocp

    from genlab.runs.checkpoint_path import CheckpointPath

    path = CheckpointPath(folder / str(step) / "state")
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # failures are reported here
    with ocp.PyTreeCheckpointer() as reader:
        saved = reader.metadata(path).item_metadata.tree
        wanted = {name: saved[name] for name in PARTS}
        on_host = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), wanted)
        asked = ocp.args.PyTreeRestore(wanted, restore_args=on_host, partial_restore=True)
        found = reader.restore(path, args=asked)
    sums = json.loads((folder / str(step) / "sums/metadata").read_text())
    if "weights" in sums and checksum(weighed(**found)) != sums["weights"]:
        raise ValueError("its bits are not those that were saved")
    return found
