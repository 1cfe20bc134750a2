"""How well the decoder of `genlab.data.products` reads each factor off held-out pictures.

Run:    python benchmarks/products_decoder.py [--examples 300] [--sizes 32 64]
Writes: benchmarks/results/products_decoder.md: accuracy of labels and R2 of numbers (of circles for
        those with a period) at 32x32 and 64x64, those of textures over the pictures that have one;
        and, on a quiet machine, how long it takes
"""

import argparse
import os
import time
from pathlib import Path

import jax
import numpy as np

from genlab.data import products
from genlab.data.sets.products.factors import FACTORS, TEXTURES
from genlab.metrics import control

SIZES = (32, 64)
SEED = 1
QUIET = 0.3  # the load up to which a time is a result


def scores(size: int, examples: int) -> tuple[dict[str, float], float]:
    """Of each factor, and seconds for a picture once compiled."""
    source = products(size, test=examples, seed=SEED)
    read = source.read("test")
    source.decode(read["image"][:1])  # compiled
    started = time.perf_counter()
    found = source.decode(read["image"])
    seconds = (time.perf_counter() - started) / examples
    textured = read["texture"] != TEXTURES.index("plain")
    rows = {n: textured & (read["texture"] == found["texture"]) if n.startswith("texture_") else
            np.ones(examples, bool) for n in FACTORS}  # fmt: skip
    return {n: score(n, read[n][rows[n]], found[n][rows[n]]) for n in FACTORS}, seconds


def score(name: str, asked: np.ndarray, found: np.ndarray) -> float:
    """Accuracy, or R2."""
    kind = FACTORS[name]
    if kind.cycle:
        return control.accuracy(asked, found)
    return control.r2(asked[:, 0], found[:, 0], (kind.period or (0.0,))[0])


def main() -> None:
    """Measures and writes."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--examples", type=int, default=300)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    here = Path(__file__).parent / "results" / "products_decoder.md"
    options.add_argument("--out", type=Path, default=here)
    given = options.parse_args()
    quiet = os.getloadavg()[0] < QUIET
    found = {size: scores(size, given.examples) for size in given.sizes}
    lines = [
        "Accuracy (labels) and R² (numbers) of `products(...).decode` on "
        f"{given.examples} held-out pictures of each size; scale and angle",
        "of the texture over those that have one and whose texture was found.",
        f"By `python benchmarks/products_decoder.py`, {jax.default_backend()}.",
        "",
        "| factor | " + " | ".join(f"{size}×{size}" for size in given.sizes) + " |",
        "| --- | " + " | ".join("---" for _ in given.sizes) + " |",
    ]
    lines += [
        f"| {n} | " + " | ".join(f"{found[s][0][n]:.3f}" for s in given.sizes) + " |"
        for n in FACTORS
    ]
    if quiet:
        times = " | ".join(f"{1e3 * found[s][1]:.0f}" for s in given.sizes)
        lines.append(f"| ms a picture | {times} |")
    given.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
