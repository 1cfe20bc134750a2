"""What `gpu.py` measures besides games against PyTorch: functions that give a record each."""

import hashlib
import importlib.util
import os
import time
from functools import partial
from pathlib import Path

import data
import games
import jax
import jax.numpy as jnp
import numpy as np
import record
import together
from against_pytorch import Player, in_turns
from memory import TRUNKS, analysed

from genlab.nets.kernels import convolution
from genlab.runtime import profiling
from genlab.train.program import prepare

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


def memory(folder: Path, tiny: bool) -> dict:
    """Bytes of DCGAN's state and of those that its program writes in place; what keeping a trunk's
    blocks and recomputing them take.
    """
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


def options(folder: Path, tiny: bool, blocks: int) -> dict:
    """Seconds of a round under options of XLA, in turns, and whether runs repeat themselves."""
    found, before = {}, os.environ.get("XLA_FLAGS", "")
    for title, half in (("DCGAN 64x64", True), ("WGAN-GP ResNet 32x32", False)):
        game, told = games.on_accelerator(half, tiny)[title], {}
        for name, flags in OPTIONS.items():
            told[name] = (flagged_player, folder, game, f"{before} {flags}".strip())
        said, seconds, _ = in_turns(told, blocks, at_once=not tiny)
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
    of two runs of its first block. Tuned anew: what JAX keeps of that does not know the options.
    """
    os.environ["XLA_FLAGS"] = flags
    jax.config.update("jax_compilation_cache_dir", None)
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


def gradients(tiny: bool) -> dict:
    """Seconds of the gradient of a convolution's kernel, of bfloat16 images, in float32: as asked
    of XLA at once, and rounded to bfloat16 first, as genlab takes it on a GPU.
    """
    found = {}
    for name, (batch, side, inside, out, taps, stride) in KERNELS.items():
        batch, repeats = (2, 2) if tiny else (batch, REPEATS)
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


def agreement(folder: Path) -> dict:
    """The greatest difference of a metric of the first two rounds here from those on the CPU, as a
    share of it, with float32 products (TF32 off) in small nets.
    """
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


def traces(folder: Path, tiny: bool) -> dict:
    """Of a dispatch of each game: seconds computing and idle, the longest operations."""
    found = {}
    for half in (False, True):
        for title, game in games.on_accelerator(half, tiny).items():
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
