"""GFLOP/s of a dense layer's three products, in JAX and in PyTorch: the limit of the 3 x 512 toy.

Run:    python benchmarks/products.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/products.json: GFLOP/s of a layer's product, of its input gradient and of
        its weight gradient, one call each, at the size of the 3 x 512 WGAN-GP toy; the contenders
        are processes that take turns, medians over the turns
"""

import json
import subprocess
import sys
import time

import numpy as np
import record

ROWS, INPUTS, OUTPUTS = 256, 512, 512
MAPS = {
    "forward": (lambda x, w, y: x @ w),
    "input gradient": (lambda x, w, y: y @ w.T),
    "weight gradient": (lambda x, w, y: x.T @ y),
}
TURNS, SECONDS = 5, 0.2


def rates(who: str) -> dict[str, float]:
    """GFLOP/s by map, in this process."""
    draw = np.random.default_rng(0).standard_normal
    shapes = (ROWS, INPUTS), (INPUTS, OUTPUTS), (ROWS, OUTPUTS)
    arrays = [draw(shape).astype(np.float32) for shape in shapes]
    flops = 2 * ROWS * INPUTS * OUTPUTS
    return {kind: flops / seconds(ready(who, fn, arrays)) / 1e9 for kind, fn in MAPS.items()}


def ready(who: str, fn, arrays: list[np.ndarray]):
    """A function that computes `fn(*arrays)` once, and waits for it."""
    if who == "torch":
        import torch

        tensors = [torch.from_numpy(array) for array in arrays]
        return lambda: fn(*tensors)
    import jax

    from genlab.runtime.compiler import jit

    placed, compiled = jax.device_put(arrays), jit(fn)
    return lambda: compiled(*placed).block_until_ready()


def seconds(play) -> float:
    """Of one call, over calls that take `SECONDS` together, after as many that do not count."""
    for _ in range(2):
        calls, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            play()
            calls += 1
    return (time.perf_counter() - started) / calls


def main() -> None:
    """Has the contenders take turns, and writes."""
    if sys.argv[1:]:
        print(json.dumps(rates(sys.argv[1])))
        return
    record.load()
    turns: dict[str, list[dict]] = {"genlab": [], "torch": []}
    for _ in range(TURNS):
        for who, found in turns.items():
            told = subprocess.run([sys.executable, __file__, who], capture_output=True, check=True)
            found.append(json.loads(told.stdout))
    rate = {
        who: {kind: record.summary([one[kind] for one in found]) for kind in MAPS}
        for who, found in turns.items()
    }
    size = {"rows": ROWS, "inputs": INPUTS, "outputs": OUTPUTS}
    record.write("products", {"gflops_per_second": rate, **size, "turns": TURNS})
    for who, kinds in rate.items():
        print(who, {kind: round(value["median"]) for kind, value in kinds.items()})


if __name__ == "__main__":
    main()
