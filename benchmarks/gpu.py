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
import hashlib
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

import data
import games
import jax
import jax.numpy as jnp
import numpy as np
import record
import together
from against_pytorch import Player, compared, in_turns, line
from memory import TRUNKS, analysed

from genlab.runtime import profiling
from genlab.train.benchmark import matmul_peak

STUDIOGAN = 14.5  # critic steps/s
LAST_START = 600  # seconds after which no further part is begun
WORKS = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}  # JAX's platform to PyTorch's device
OPTIONS = {  # of XLA, each against its defaults
    "defaults": "",
    "latency hiding": "--xla_gpu_enable_latency_hiding_scheduler=true",
    "deterministic": "--xla_gpu_deterministic_ops=true",
    "CUDA graphs of all": "--xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL,+CONVOLUTION",
    "no CUDA graphs": "--xla_gpu_enable_command_buffer=",
}
KERNELS = {  # of gradients: batch, side, channels in and out, taps, stride
    "DCGAN 64x64, second": (128, 32, 64, 128, 4, 2),
    "DCGAN 64x64, fourth": (128, 8, 256, 512, 4, 2),
    "WGAN-GP ResNet, 32 pixels": (64, 32, 128, 128, 3, 1),
    "WGAN-GP ResNet, 8 pixels": (64, 8, 128, 128, 3, 1),
}
REPEATS = 50  # of a gradient, in one program


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


def options(folder: Path, asked: argparse.Namespace) -> dict:
    """Seconds of a round under options of XLA, in turns, and whether runs repeat themselves."""
    found, before = {}, os.environ.get("XLA_FLAGS", "")
    for title, half in (("DCGAN 64x64", True), ("WGAN-GP ResNet 32x32", False)):
        game, told = games.on_accelerator(half, asked.tiny)[title], {}
        for name, flags in OPTIONS.items():
            told[name] = (flagged_player, folder, game, f"{before} {flags}".strip())
        said, seconds, _ = in_turns(told, asked.blocks, at_once=not asked.tiny)
        times = {name: record.summary(values) for name, values in seconds.items()}
        for name in OPTIONS:
            if isinstance(said[name], str):
                times[name] = {"does_not_run": said[name]}
            else:
                times[name]["states"] = said[name][0]
        key = f"{title}, {'bfloat16' if half else 'float32'}"
        found[key] = times
        medians = {n: f"{1e3 * t.get('median', 0):.3f} ms" for n, t in times.items()}
        print(key, medians, flush=True)
    return found


def flagged_player(folder: Path, game: games.Game, flags: str) -> Player:
    """A game of genlab under these options; in the place of its parameters, digests of the states
    of two runs of its first block.
    """
    os.environ["XLA_FLAGS"] = flags
    from genlab.train.program import prepare

    training = prepare(game.config(folder))
    rounds = training.experiment.loop.rounds_per_call
    held = training.fetch(0, rounds)
    program = training.compile(training.like(), held, rounds).run

    def digest() -> str:
        state, _ = program(training.init(), held, training.data_key)
        leaves = jax.tree.leaves((state.params, state.stats, state.opt))
        whole = b"".join(np.asarray(x).tobytes() for x in leaves)
        return hashlib.sha256(whole).hexdigest()[:16]

    states: dict = {"first": digest(), "again": digest()}
    box = [training.init()]

    def play():
        box[0], metrics = program(box[0], held, training.data_key)
        jax.block_until_ready(metrics)

    return Player(play, states, 0.0, rounds, lambda: None)


def gradients(asked: argparse.Namespace) -> dict:
    """Seconds of the gradient of a convolution's kernel, of bfloat16 images, in float32: as asked
    of XLA at once, and rounded to bfloat16 first, as genlab takes it on a GPU.
    """
    from genlab.nets.kernels import convolution

    found = {}
    for name, (batch, side, inside, out, taps, stride) in KERNELS.items():
        batch, repeats = (2, 2) if asked.tiny else (batch, REPEATS)
        x = jax.random.normal(jax.random.key(0), (batch, side, side, inside), jnp.bfloat16)
        y = (batch, side // stride, side // stride, out)
        y = jax.random.normal(jax.random.key(1), y, jnp.bfloat16)
        fixed = {"strides": (stride,) * 2, "pads": ((1, 1),) * 2, "turned": False, "pooled": False}
        fixed |= {"kernel": (taps, taps), "dtype": "float32"}
        exact = convolution._into_weight_native(
            *(a.astype(jnp.float32) for a in (x, y)), **fixed
        )  # its factors are bfloat16 already
        row = {}
        for form, fn in (
            ("float32", convolution._into_weight_native),
            ("rounded", convolution._into_weight_gpu),
        ):
            one = jax.jit(partial(repeated, partial(fn, **fixed), repeats))
            wrong = jnp.linalg.norm(fn(x, y, **fixed) - exact) / jnp.linalg.norm(exact)
            seconds = record.timed(lambda one=one, x=x, y=y: one(x, y))
            row[form] = {"seconds": seconds["median"] / repeats, "relative_error": float(wrong)}
        found[name] = row
        print(name, {form: f"{1e6 * told['seconds']:.0f} us" for form, told in row.items()})
    return found


def repeated(fn, count: int, x, y):
    """Gradients one after the other, each of other numbers."""

    def one(total, i):
        return total + fn(x + i.astype(x.dtype), y), None

    first = jax.eval_shape(fn, x, y)
    total = jnp.zeros(first.shape, first.dtype)
    return jax.lax.scan(one, total, jnp.arange(count))[0]


def agreement(folder: Path, asked: argparse.Namespace) -> dict:
    """The greatest difference of a metric of the first two rounds here from those on the CPU, as a
    share of it, with float32 products (TF32 off) in small nets.
    """
    from genlab.train.program import prepare

    found = {}
    for title, game in games.on_accelerator(False, True).items():
        config, told = game.config(folder), []
        for devices in (jax.devices()[:1], jax.devices("cpu")[:1]):
            with jax.default_matmul_precision("highest"), jax.default_device(devices[0]):
                training = prepare(config, devices)
                held, state = training.fetch(0, 2), training.init()
                _, metrics = training.compile(state, held, 2).run(state, held, training.data_key)
                told.append(jax.device_get(metrics))
        apart = jax.tree.map(lambda a, b: np.abs(a - b).max() / np.abs(b).max(), *told)
        found[title] = {name: float(value) for name, value in apart.items()}
    return found


def traces(folder: Path, asked: argparse.Namespace) -> dict:
    """Of a dispatch of each game: seconds computing and idle, the longest operations."""
    from genlab.train.program import prepare

    found = {}
    for half in (False, True):
        for title, game in games.on_accelerator(half, asked.tiny).items():
            training = prepare(game.config(folder))
            rounds = training.experiment.loop.rounds_per_call
            held, state = training.fetch(0, rounds), training.init()
            program = training.compile(state, held, rounds).run
            key = f"{title}, {'bfloat16' if half else 'float32'}"
            at = folder / f"trace {key}".replace(" ", "_")
            trace = profiling.Trace(profiling.Rounds(rounds, 2 * rounds), at)
            state, metrics = program(state, held, training.data_key)
            jax.block_until_ready(metrics)
            trace.before(rounds)
            state, metrics = program(state, held, training.data_key)
            found[key] = trace.after(2 * rounds, metrics) | {"rounds": rounds}
            print(key, found[key]["seconds"], flush=True)
    return found


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
        save = (lambda: None) if asked.tiny else partial(written, found, asked.commit)
        parts = {
            "float32": partial(played, found, folder, False, asked, save),
            "bfloat16": partial(played, found, folder, True, asked, save),
            "gradients": partial(gradients, asked),
            "traces": partial(traces, folder, asked),
            "agreement": partial(agreement, folder, asked),
            "dispatch_seconds_per_round": partial(dispatch, folder),
            "options": partial(options, folder, asked),
            "memory": partial(memory, folder, asked.tiny),
            "seeds_in_one_program": partial(seeds, folder),
            "data": waits,
        }
        wanted = asked.parts.split(",") if asked.parts else list(parts)
        if unknown := set(wanted) - set(parts):
            parser.error(f"no parts {', '.join(unknown)}; there are {', '.join(parts)}")
        if asked.parts:
            found |= earlier(asked.commit)
        for part in wanted:
            if time.perf_counter() - started > LAST_START:
                found.setdefault("no_time_for", []).append(part)
                continue
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


def written(found: dict, commit: str | None) -> None:
    """Writes the record, as of `commit` where the source itself does not say."""
    path = record.write("gpu", found)
    held = record.read("gpu")
    held["environment"]["commit"] = held["environment"]["commit"] or commit
    path.write_text(json.dumps(held, indent=2) + "\n")


def earlier(commit: str | None) -> dict:
    """What the record of this commit has; SystemExit where it is of another."""
    try:
        held = record.read("gpu")
    except FileNotFoundError:
        return {}
    here = record.environment()
    here["commit"] = here["commit"] or commit
    for name in ("commit", "device", "jax"):
        if held["environment"][name] != here[name]:
            raise SystemExit(f"gpu.json is of {name} {held['environment'][name]}: measure all anew")
    anew = ("environment", "failed", "no_time_for")
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
