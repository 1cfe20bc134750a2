"""Convolutions inside a loop on CPU: flax's (XLA's own forms) against genlab's, map by map; and
halving and doubling of resolution.

Run:    python benchmarks/convolution.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/convolution.md, GFLOP/s and milliseconds, best of up to seven calls of a
        scan of three; both sides are compiled as genlab compiles a round
"""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import lax, random

from genlab.nets.kernels.convolution import AXES, convolve
from genlab.nets.kernels.grouped import grouped
from genlab.nets.kernels.resize import mean_pool, upsample
from genlab.runs.environment import environment
from genlab.runtime.compiler import compiled
from genlab.runtime.placement import by_name

RESULTS = Path(__file__).parent / "results"
LOOP, CALLS, PATIENCE = 3, 7, 2.0  # seconds after which no further call is made
SHAPES = {
    # batch, side, channels in and out, kernel, stride
    "DCGAN-64, first of the critic": (32, 64, 3, 64, 4, 2),
    "DCGAN-64, second": (32, 32, 64, 128, 4, 2),
    "DCGAN-64, third": (32, 16, 128, 256, 4, 2),
    "DCGAN-64, fourth": (32, 8, 256, 512, 4, 2),
    "classic, 28 pixels": (64, 28, 1, 64, 5, 2),
    "classic, 14 pixels": (64, 14, 64, 128, 5, 2),
    "classic, stride 1": (64, 7, 128, 256, 5, 1),
    "ResNet, from an image": (32, 32, 3, 64, 3, 1),
    "ResNet, 32 pixels": (32, 32, 64, 64, 3, 1),
    "ResNet, 16 pixels": (32, 16, 128, 128, 3, 1),
    "ResNet, 8 pixels": (32, 8, 128, 128, 3, 1),
    "ResNet, 32 pixels, narrow": (64, 32, 32, 32, 3, 1),
    "the same with its pooling, or doubled": (64, 32, 32, 32, 4, 2),
    "conv VAE, 16 pixels": (64, 16, 32, 64, 4, 2),
    "ResNet, to an image": (32, 32, 64, 3, 3, 1),
    "CycleGAN, padded before, to an image": (1, 70, 32, 3, 7, 1),
    "PatchGAN, padded before, to a patch": (8, 10, 256, 1, 4, 1),
    "NVAE, 24 groups": (64, 28, 24, 24, 5, 1),
    "R3GAN, 4 groups": (16, 32, 64, 64, 3, 1),
    "R3GAN, 16 groups": (16, 8, 256, 256, 3, 1),
}
VALID = {name for name in SHAPES if "padded before" in name}
RESIZED = ((32, 32, 32, 32), (64, 32, 32, 128))
MAPS = ("forward", "input gradient", "weight gradient")


def in_a_loop(fn: Callable) -> Callable:
    """`fn` in a scan, its arguments changed slightly each time so that no call is elided."""

    def run(*arrays):
        def body(carry, _):
            y = fn(*(a * (1 + 0 * carry) for a in arrays))
            return jnp.max(y) * 1e-20, None

        return lax.scan(body, jnp.float32(1e-20), None, length=LOOP)[0]

    return jax.jit(run)


def seconds(fn: Callable, *arrays) -> float:
    """Of one turn of the loop, the best of several calls, of fewer where they are slow."""
    looped = compiled(in_a_loop(fn).lower(*arrays), by_name("jit", 1).mesh)
    looped(*arrays).block_until_ready()
    times = []
    while len(times) < CALLS and sum(times) < PATIENCE:
        started = time.perf_counter()
        looped(*arrays).block_until_ready()
        times.append(time.perf_counter() - started)
    return min(times) / LOOP


def groups_of(name: str) -> int:
    """How many groups of channels a shape has, by its name."""
    found = re.search(r"(\d+) groups", name)
    return int(found[1]) if found else 1


def rates(shape: tuple[int, ...], padding: str, groups: int = 1) -> list[tuple[float, float]]:
    """(XLA's, genlab's) GFLOP/s of each map."""
    batch, side, of, to, kernel, stride = shape
    pads = tuple(lax.padtype_to_pads((side,) * 2, (kernel,) * 2, (stride,) * 2, padding))
    pads = tuple((int(a), int(b)) for a, b in pads)
    strides = (stride, stride)
    x = random.normal(random.key(0), (batch, side, side, of))
    w = random.normal(random.key(1), (kernel, kernel, of // groups, to))

    def native(x, w):
        more = {"dimension_numbers": AXES, "feature_group_count": groups}
        return lax.conv_general_dilated(x, w, strides, pads, **more)

    def ours(x, w):
        if groups > 1:
            return grouped(convolve, x, w, groups, strides, pads)
        return convolve(x, w, strides, pads)

    y = ours(x, w)
    operations = 2 * y.size * kernel * kernel * of / groups / 1e9
    found = []
    for number in range(3):
        pair = []
        for fn in (native, ours):
            maps = (
                (fn, x, w),
                (lambda y, w, f=fn: jax.vjp(lambda x: f(x, w), x)[1](y)[0], y, w),
                (lambda x, y, f=fn: jax.vjp(lambda w: f(x, w), w)[1](y)[0], x, y),
            )
            pair.append(operations / seconds(*maps[number]))
        found.append(tuple(pair))
    return found


def resized(shape: tuple[int, ...]) -> list[str]:
    """Rows of milliseconds: halving and doubling, and their gradients."""
    b, h, w, c = shape
    x = random.normal(random.key(0), shape)

    def pooled(x):
        return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))

    def doubled(x):
        return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)

    rows = []
    for name, pair, at in (
        ("mean of 2x2", (pooled, mean_pool), x),
        ("doubling", (doubled, upsample), pooled(x)),
    ):
        y = pair[1](at)
        back = [jax.linear_transpose(fn, at) for fn in pair]
        times = [seconds(fn, at) for fn in pair]
        times += [seconds(lambda y, f=f: f(y)[0], y) for f in back]
        cells = [f"{1e3 * a:.2f} | {1e3 * b:.2f} | {a / b:.1f}" for a, b in (times[:2], times[2:])]
        rows.append(f"| {name}, {shape} | " + " | ".join(cells) + " |")
    return rows


def main() -> None:
    """Measures every shape and writes the table."""
    load = os.getloadavg()[0]
    lines = [
        "# Convolutions inside a loop on CPU",
        "",
        "GFLOP/s of XLA's own form and of genlab's, best of "
        f"up to {CALLS} calls of a scan of {LOOP} (`python benchmarks/convolution.py`).",
        "",
        "| shape (batch, side, channels in, out, kernel, stride) | "
        + " | ".join(f"{name}: XLA | genlab | ratio" for name in MAPS) + " |",
        "|---|" + "---:|" * 9,
    ]  # fmt: skip
    for name, shape in SHAPES.items():
        cells = [
            f"{a:.0f} | {b:.0f} | {b / a:.1f}"
            for a, b in rates(shape, "VALID" if name in VALID else "SAME", groups_of(name))
        ]
        lines.append(f"| {name} {shape} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    lines += [
        "",
        "Milliseconds of halving and doubling, between images of the larger shape and half of it:",
        "",
        "| | value: XLA | genlab | ratio | gradient: XLA | genlab | ratio |",
        "|---|" + "---:|" * 6,
        *(row for shape in RESIZED for row in resized(shape)),
    ]
    env = environment()
    told = ", ".join(f"{key} {env[key]}" for key in ("python", "jax", "jaxlib") if key in env)
    lines += ["", f"{os.cpu_count()} CPU cores, load {load:.2f} before; {told}."]
    (RESULTS / "convolution.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
