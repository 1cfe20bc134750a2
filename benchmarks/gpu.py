"""Speed and memory on an accelerator, in one command; no part is begun after seven minutes.

Run:    python benchmarks/gpu.py      (needs jax, flax, optax, orbax, ml_collections, numpy, rich
        and, for the ratios, torch)
Writes: benchmarks/results/gpu.json, after each part; a part that fails is named there, with why

In float32 (with TF32 products, in both frameworks) and in bfloat16: DCGAN at 64x64 and the
WGAN-GP ResNet of CIFAR-10 at the paper's width and batch, images/s, s/kimg (seconds per thousand
real images shown, Karras et al. 2020, arXiv:2006.06676, their logs' sec/kimg), share of the
measured matmul peak, and PyTorch in turns; critic steps/s and the 14.5 of StudioGAN's
published log of the same game shows (2.9 generator iterations/s of 5 critic steps, batch 64,
float32, GPU not named); rounds per dispatch; seeds in one program; peak memory, what is updated in
place, what remat saves; how long the device waits for data.

--tiny plays the same at toy sizes and without PyTorch's compiler, to try the script without an
accelerator; it writes nothing.
"""

import argparse
import contextlib
import importlib.util
import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room too

import data
import games
import jax
import jax.numpy as jnp
import record
import together
from against_pytorch import compared, line
from memory import TRUNKS, analysed

STUDIOGAN = 14.5  # critic steps/s
LAST_START = 420  # seconds after which no further part is begun
WORKS = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}  # JAX's platform to PyTorch's device


def peak(dtype: str, tiny: bool) -> float:
    """FLOP/s of a large square product on one device."""
    side = 512 if tiny else 8192
    x = jnp.ones((side, side), dtype)
    product = jax.jit(lambda a: a @ a)
    best = record.timed(lambda: product(x))["min"]
    return 2 * side**3 / best


def dispatch(folder: Path) -> dict[str, float]:
    """Seconds of a round of the 2 x 128 toy, by rounds per dispatch."""
    from genlab.train.program import prepare

    found = {}
    training = prepare(games.toy(folder, (128, 128)))
    for rounds in (1, 50):
        state, held = training.init(), training.fetch(0, rounds)
        program = training.compile(state, held, rounds).run
        for _ in range(2):  # the first does not count
            started = time.perf_counter()
            for _ in range(200 // rounds):
                state, metrics = program(state, held, training.data_key)
            jax.block_until_ready(metrics)
        found[str(rounds)] = (time.perf_counter() - started) / 200
    return found


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


def memory(folder: Path, tiny: bool) -> dict:
    """Bytes of DCGAN's state and of those that its program writes in place; what keeping a trunk's
    blocks and recomputing them take.
    """
    from genlab.train.program import prepare

    training = prepare(games.dcgan64(folder))
    state, held = training.init(), training.fetch(0, 2)
    size = sum(x.nbytes for x in jax.tree.leaves(state))
    sizes = training.compile(state, held, 2).executable.memory_analysis()
    found = {"state_bytes": size, "written_in_place_bytes": sizes.alias_size_in_bytes}
    for name in ("WGAN-GP generator", "WGAN-GP critic"):
        make, example = TRUNKS[name]
        for kept, remat in (("kept", False), ("anew", True)):
            net = make(remat, 0.1 if tiny else 1.0)
            found[f"{name}, {kept}"] = analysed(net, example, 4 if tiny else 256, None, True)
    return found


def seeds(folder: Path) -> dict:
    """Several seeds in one program against one program after the other."""
    names = ("WGAN-GP toy, 2 x 128", "conv VAE 32x32, batch 64")
    return {name: together.compared(*together.CASES[name], folder) for name in names}


def waits() -> dict:
    """Time spent waiting for resident sets and, with grain, for streamed ones."""
    found = {"CIFAR-size, resident": data.waiting(data.cifar())}
    if importlib.util.find_spec("grain"):
        found["CIFAR-size, streamed"] = data.waiting(data.streamed(data.cifar))
    return found


def main() -> None:
    """Measures and writes; parts left out for lack of time are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--blocks", type=int, default=5)
    asked = parser.parse_args()
    started = time.perf_counter()
    found: dict = {"studiogan_critic_steps_per_second": STUDIOGAN, "peak": {}, "games": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = {
            "float32": partial(played, found, folder, False, asked),
            "bfloat16": partial(played, found, folder, True, asked),
            "dispatch_seconds_per_round": partial(dispatch, folder),
            "seeds_in_one_program": partial(seeds, folder),
            "memory": partial(memory, folder, asked.tiny),
            "data": waits,
        }
        for part, measure in parts.items():
            if time.perf_counter() - started > LAST_START:
                found.setdefault("no_time_for", []).append(part)
                continue
            with kept(found, part):
                if told := measure():
                    found[part] = told
            found["seconds"] = time.perf_counter() - started
            print(f"{part}: {found['seconds']:.0f} s", flush=True)
            if not asked.tiny:
                record.write("gpu", found)


@contextlib.contextmanager
def kept(found: dict, part: str) -> Iterator[None]:
    """What goes wrong meanwhile is told and written, and does not end the rest."""
    try:
        yield
    except (Exception, SystemExit) as error:  # a game that PyTorch does not play exits
        traceback.print_exc()
        found.setdefault("failed", {})[part] = f"{type(error).__name__}: {error}"[:500]


def played(found: dict, folder: Path, half: bool, asked: argparse.Namespace) -> None:
    """The games in one precision, into `found`."""
    device = WORKS.get(jax.default_backend(), jax.default_backend())
    dtype = "bfloat16" if half else "float32"
    found["peak"][dtype] = peak(dtype, asked.tiny)
    for title, game in games.on_accelerator(half, asked.tiny).items():
        key = f"{title}, {dtype}"
        with kept(found, key):
            one = compared(folder, key, game, asked.blocks, device, not asked.tiny, alone=True)
            batch = game.config(folder).batch_size
            found["games"][key] = one | judged(title, one, batch, found["peak"][dtype])
            print(line(key, one), flush=True)


if __name__ == "__main__":
    main()
