"""Speed and memory on an accelerator, in one command; no part is begun after ten minutes.

Run:    python benchmarks/gpu.py [--parts=NAME,..]     (needs jax, flax, optax, orbax,
        ml_collections, numpy, rich and, for the ratios, torch)
Writes: benchmarks/results/gpu.json, after each game and part; what fails is named there, with why.
        With --parts the others are kept as they are there, if the commit is the same

In float32 (with TF32 products, in both frameworks) and in bfloat16: DCGAN at 64x64 and the
WGAN-GP ResNet of CIFAR-10 at the paper's width and batch, images/s, s/kimg (seconds per thousand
real images shown, Karras et al. 2020, arXiv:2006.06676, their logs' sec/kimg), share of the
measured matmul peak, and PyTorch in turns: eager, compiled, and compiled and replayed as a CUDA
graph; critic steps/s and the 14.5 of StudioGAN's published log of the same game shows (2.9
generator iterations/s of 5 critic steps, batch 64, float32, GPU not named); what a trace says of
each game; XLA's options before and after, and whether a run repeats itself bit for bit; the
gradient of kernels in bfloat16 in both forms; a round on the accelerator and on the CPU; rounds
per dispatch; seeds in one program; peak memory, what is updated in place, what remat saves; how
long the device waits for data.

Contenders of a game are built at once and then take turns. --tiny plays the same at toy sizes and
without PyTorch's compiler, to try the script without an accelerator; it writes nothing.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room too

import games
import gpu_parts
import jax
import record
from against_pytorch import compared, line

from genlab.train.benchmark import matmul_peak

STUDIOGAN = 14.5  # critic steps/s
LAST_START = 600  # seconds after which no further part is begun
WORKS = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}  # JAX's platform to PyTorch's device


def judged(name: str, found: dict, batch: int, matmul: float) -> dict:
    """Rates and shares from a game's times."""
    seconds = found["seconds_per_round"]["genlab"]["median"]
    moves = games.CRITIC_MOVES if "WGAN" in name else 1
    shown = moves * batch
    told = {
        "images_per_second": shown / seconds,
        "seconds_per_kimg": 1000 * seconds / shown,
        "share_of_peak": found["flops_per_round"] / seconds / matmul,
    }
    if "WGAN" in name:
        told["critic_steps_per_second"] = moves / seconds
        told["over_studiogan"] = moves / seconds / STUDIOGAN
    return told


def main() -> None:
    """Measures and writes; parts left out for lack of time are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument("--parts", default="", help="some of them, by name, with commas")
    parser.add_argument("--commit", help="of the source, where it is a copy without its history")
    asked = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder / "programs"))
        jax.config.update("jax_compilation_cache_dir", programs)  # of contenders, to be traced
        found: dict = {"studiogan_critic_steps_per_second": STUDIOGAN, "peak": {}, "games": {}}
        found |= {"blocks": asked.blocks, **pytorch()}
        begun = record.environment()["started"]
        save = (lambda: None) if asked.tiny else partial(written, found, asked.commit, begun)
        parts = {
            "float32": partial(played, found, folder, False, asked, save),
            "bfloat16": partial(played, found, folder, True, asked, save),
            "gradients": partial(gpu_parts.gradients, asked.tiny),
            "traces": partial(gpu_parts.traces, folder, asked.tiny),
            "agreement": partial(gpu_parts.agreement, folder),
            "dispatch_seconds_per_round": partial(gpu_parts.dispatch, folder),
            "options": partial(gpu_parts.options, folder, asked.tiny, asked.blocks),
            "memory": partial(gpu_parts.memory, folder, asked.tiny),
            "seeds_in_one_program": partial(gpu_parts.seeds, folder),
            "data": gpu_parts.waits,
        }
        wanted = asked.parts.split(",") if asked.parts else list(parts)
        if unknown := set(wanted) - set(parts):
            parser.error(f"no parts {', '.join(unknown)}; there are {', '.join(parts)}")
        if asked.parts and not asked.tiny:
            found |= earlier(asked.commit)
        for part in wanted:
            if time.perf_counter() - started > LAST_START:
                found.setdefault("no_time_for", []).append(part)
                continue
            failed = found.pop("failed", {})  # games are named "DCGAN 64x64, float32"
            if others := {n: why for n, why in failed.items() if not n.endswith(part)}:
                found["failed"] = others
            with kept(found, part):
                if told := parts[part]():
                    found[part] = told
            found["seconds"] = time.perf_counter() - started
            print(f"{part}: {found['seconds']:.0f} s", flush=True)
            save()


def pytorch() -> dict[str, str]:
    """The versions of PyTorch and its libraries, where it is."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    versions = {"torch": torch.__version__, "torch_cuda": torch.version.cuda or ""}
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else ""
    return versions | {"torch_cudnn": str(cudnn)}


def written(found: dict, commit: str | None, begun: str) -> None:
    """Writes the record of a run `begun` then; `commit`, if given, in place of what git says."""
    path = record.write("gpu", found)
    held = record.read("gpu")
    where = held["environment"]
    held["environment"] = where | {"commit": commit or where["commit"], "started": begun}
    path.write_text(json.dumps(held, indent=2) + "\n")


def earlier(commit: str | None) -> dict:
    """What the record of this commit has, but for what this run says of itself; SystemExit where
    it is of another.
    """
    try:
        held = record.read("gpu")
    except FileNotFoundError:
        return {}
    here = record.environment()
    here["commit"] = commit or here["commit"]
    for name in ("commit", "device", "jax"):
        if held["environment"][name] != here[name]:
            raise SystemExit(f"gpu.json is of {name} {held['environment'][name]}: measure all anew")
    anew = ("environment", "load_before", "seconds", "blocks", "no_time_for")
    return {name: value for name, value in held.items() if name not in anew}


@contextlib.contextmanager
def kept(found: dict, part: str) -> Iterator[None]:
    """What goes wrong meanwhile is told and written, and does not end the rest."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a game that PyTorch does not play exits
        traceback.print_exc()
        found.setdefault("failed", {})[part] = f"{type(error).__name__}: {error}"[:500]


def played(found: dict, folder: Path, half: bool, asked: argparse.Namespace, save) -> None:
    """The games in one precision, into `found`."""
    device = WORKS.get(jax.default_backend(), jax.default_backend())
    dtype = "bfloat16" if half else "float32"
    size = 512 if asked.tiny else 8192
    found["peak"][dtype] = matmul_peak(jax.devices()[:1], size, dtype=dtype)
    for title, game in games.on_accelerator(half, asked.tiny).items():
        key = f"{title}, {dtype}"
        with kept(found, key):
            one = compared(folder, key, game, asked.blocks, device, not asked.tiny, alone=True)
            batch = game.config(folder).batch_size
            found["games"][key] = one | judged(title, one, batch, found["peak"][dtype])
            print(line(key, one), flush=True)
        save()


if __name__ == "__main__":
    main()
