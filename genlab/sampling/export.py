"""`genlab export`: a sampler that needs JAX and no genlab, with its weights and a model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, random

from genlab.config import ConfigError
from genlab.data.columns import Image, Label, Numbers
from genlab.game.abilities import Generates, require
from genlab.runs import requests
from genlab.runs.environment import version
from genlab.runs.files import write_json, write_text
from genlab.sampling.load import Step, TrainedRun, load
from genlab.sampling.model_card import card, example
from genlab.sampling.request import STREAM

PLATFORMS = ("cpu", "cuda", "tpu")
BATCH = 16
LOADER = '''\
"""A trained sampler: needs jax and numpy, and flatbuffers, with which jax reads programs.

    from load import Sampler
    made = Sampler().sample({example})  # {kind}
"""
import json
import pathlib
import numpy as np
from jax import export

class Sampler:
    def __init__(self, folder=pathlib.Path(__file__).parent):
        self.about = json.loads((folder / "sampler.json").read_text())
        self.call = export.deserialize(bytearray((folder / "sampler.bin").read_bytes())).call
        held = (folder / "weights.safetensors").read_bytes()
        start = 8 + int.from_bytes(held[:8], "little")
        tensors, data = json.loads(held[8:start]), held[start:]
        self.weights = {{name: array(data, **one) for name, one in tensors.items()}}

    def sample(self, seed=0, **given):
        """One value of each condition for all, or one for each: a label's name or number."""
        stored = {{n: self.stored(given[n], **kind) for n, kind in self.about["given"].items()}}
        made = np.asarray(self.call(self.weights, np.uint32(seed), stored), np.float32)
        return {made}

    def stored(self, values, shape, dtype, names=(), **_):
        values = np.ravel(np.asarray(values, object))
        values = [names.index(v) if isinstance(v, str) else v for v in values]
        ones = np.reshape(values, (-1, *shape)).astype(dtype)
        return np.broadcast_to(ones, (self.about["batch"], *shape))

def array(data, dtype, shape, data_offsets):
    dtype = np.dtype(dtype[0].lower() + str(int(dtype[1:]) // 8))  # F32 is f4
    return np.frombuffer(data[slice(*data_offsets)], dtype).reshape(shape)
'''


def export(
    workdir: str | Path,
    out: str | Path,
    batch: int = BATCH,
    step: Step = None,
    platforms: tuple[str, ...] = PLATFORMS,
) -> Path:
    """Writes a folder that draws what `sample(batch, seed)` of the run draws, bit for bit on the
    same backend: `sampler.bin` (`jax.export`, lowered for `platforms`), `weights.safetensors`,
    `sampler.json`, `load.py` (20 lines and four imports) and a model card, `README.md`.

    ConfigError for a method that does not generate, for conditions other than labels and numbers,
    for a folder that holds something else, and without the extra `export`.
    """
    try:
        import flatbuffers  # noqa: F401  what jax.export writes with
        from jax import export as jax_export
        from safetensors.numpy import save
    except ImportError:
        raise ConfigError("genlab export needs pip install 'genlab[export]'") from None
    run, out = load(workdir, step), Path(out)
    require(run.method, Generates, "genlab export")
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} holds files already: give an empty folder, or a new one")
    if out.exists():
        out.rmdir()
    given = {name: _kind(name, run) for name in run.method.given}
    stored = {n: jax.ShapeDtypeStruct((batch, *k["shape"]), k["dtype"]) for n, k in given.items()}
    draw, seed = jax.jit(_drawn(run, batch)), jax.ShapeDtypeStruct((), jnp.uint32)
    weights = _used(_flat({"params": run.params, "stats": run.stats}), draw, seed, stored)
    made = jax_export.export(draw, platforms=list(platforms))(_like(weights), seed, stored)
    about = _about(run, batch, given, platforms, made.out_avals[0])
    with requests.written_whole(out, "genlab export") as draft:
        (draft / "sampler.bin").write_bytes(made.serialize())
        (draft / "weights.safetensors").write_bytes(save(weights))
        write_json(draft / "sampler.json", about)
        write_text(draft / "load.py", _loader(about))
        write_text(draft / "README.md", card(run, about))
    return out


def _drawn(run: TrainedRun, batch: int):
    """(flat weights, seed, stored conditions) -> what the method makes, as networks give it."""

    def draw(weights: Mapping[str, Array], seed: Array, stored: Mapping[str, Array]) -> Array:
        tree = _nested(weights)
        z = run.method.latents(random.fold_in(random.key(seed), STREAM), batch)
        cond = {n: run.source.columns[n].load(jnp.asarray(x)) for n, x in stored.items()} or None
        return run.method.generate(tree.get("params", {}), tree.get("stats", {}), z, cond)

    return draw


def _like(weights: Mapping[str, np.ndarray]) -> dict[str, jax.ShapeDtypeStruct]:
    return {n: jax.ShapeDtypeStruct(x.shape, x.dtype) for n, x in weights.items()}


def _used(weights: dict[str, np.ndarray], draw: Any, *rest: Any) -> dict[str, np.ndarray]:
    """The weights of the networks that drawing reads: a critic is left out."""
    jaxpr = draw.trace(_like(weights), *rest).jaxpr.jaxpr
    read = {id(v) for equation in jaxpr.eqns for v in equation.invars}
    names = sorted(weights)  # the order in which a mapping's arrays are arguments
    held = [n for n, v in zip(names, jaxpr.invars, strict=False) if id(v) in read]
    networks = {tuple(name.split("/")[:2]) for name in held}
    return {n: x for n, x in weights.items() if tuple(n.split("/")[:2]) in networks}


def _kind(name: str, run: TrainedRun) -> dict[str, Any]:
    column = run.source.columns[name]
    if isinstance(column, Label):
        return {"kind": "label", "names": list(column.names), "shape": [], "dtype": "int32"}
    if isinstance(column, Numbers):
        ends = {"low": list(column.low), "high": list(column.high)}
        return {"kind": "numbers", **ends, "shape": list(column.stored), "dtype": "float32"}
    raise ConfigError(
        f"genlab export of a model given labels and numbers; {name!r} is {type(column).__name__}"
    )


def _loader(about: Mapping[str, Any]) -> str:
    """The text of `load.py`."""
    kind = "images: uint8" if about["image"] else "samples: float32"
    made = "np.clip(np.rint((made + 1) * 127.5), 0, 255).astype(np.uint8)"
    return LOADER.format(
        example=example(about["given"]),
        kind=f"{kind} {about['shape']}",
        made=made if about["image"] else "made",
    )


def _about(run: TrainedRun, batch: int, given: dict, platforms: tuple[str, ...], out: Any) -> dict:
    return {
        "run": run.folder.path.resolve().name,
        "checkpoint": run.step,
        "genlab": version(),
        "jax": jax.__version__,
        "batch": batch,
        "image": isinstance(run.source.columns[run.method.makes], Image),
        "makes": run.method.makes,
        "shape": list(out.shape),
        "platforms": list(platforms),
        "given": given,
    }


def _flat(tree: Any, at: str = "") -> dict[str, np.ndarray]:
    """Arrays by their paths."""
    if not isinstance(tree, Mapping):
        return {at: np.ascontiguousarray(tree)}
    parts = (_flat(value, f"{at}/{name}" if at else str(name)) for name, value in tree.items())
    return {path: x for part in parts for path, x in part.items()}


def _nested(flat: Mapping[str, Array]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, x in flat.items():
        *folders, name = path.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = x
    return tree
