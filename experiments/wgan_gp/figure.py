"""Draws the critics that `toys.py` trained.

Run:    python experiments/wgan_gp/figure.py runs/wgan_gp
Writes: experiments/wgan_gp/results/: toys.png, toys.md
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

from genlab.game import apply
from genlab.runs.environment import environment
from genlab.train.restore import trained

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
SETS = ("eight", "grid", "roll")
DEEP = ("deep-penalty", "deep-clipping-0.1", "deep-clipping-0.01", "deep-clipping-0.001")
REACH = 3.0  # half the side of a surface


def surface(axis, run: Path) -> dict[str, float]:
    """Draws level sets of one critic over its data; returns statistics of its gradient there."""
    _, training, _, state = trained(run)
    method, data = training.experiment.method, training.experiment.data.read("test", 2000)["image"]

    def f(x):
        params, stats = state.params, state.stats
        return apply(method.discriminator, "disc", params, stats, x, None)[0]

    ticks = np.linspace(-REACH, REACH, 128)
    points = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2).astype(np.float32)
    axis.contour(ticks, ticks, np.asarray(f(points)).reshape(128, 128), 25, linewidths=0.8)
    axis.scatter(*data[:500].T, s=1, color="#d98c3f", zorder=3)
    slopes = jax.vmap(jax.grad(lambda x: f(x[None])[0]))(jnp.asarray(data))
    fake = method.generate(state.params, state.stats, method.latents(jax.random.key(3), 2000))
    norms = np.linalg.norm(np.asarray(slopes), axis=1)
    return {
        "gradient norm on data, mean": float(norms.mean()),
        "10 %": float(np.quantile(norms, 0.1)),
        "90 %": float(np.quantile(norms, 0.9)),
        "E f(data) - E f(samples)": float(f(data).mean() - f(fake).mean()),
    }


def layers(run: Path) -> tuple[np.ndarray, np.ndarray]:
    """(norm of the gradient of f at each hidden layer's output, all weights)."""
    _, training, _, state = trained(run)
    data = jnp.asarray(training.experiment.data.read("test", 512)["image"])
    trunk = state.params["disc"]["trunk"]
    dense = [trunk[f"Dense_{i}"] for i in range(len(trunk))]
    last = state.params["disc"]["logit"]

    def rest(h, start):
        for layer in dense[start:]:
            h = jax.nn.relu(h @ layer["kernel"] + layer["bias"])
        return (h @ last["kernel"] + last["bias"]).sum()

    h, norms = data, []
    for i, layer in enumerate(dense):
        h = jax.nn.relu(h @ layer["kernel"] + layer["bias"])
        slope = jax.grad(lambda h, i=i: rest(h, i + 1))(h)
        norms.append(float(jnp.linalg.norm(slope, axis=1).mean()))
    weights = np.concatenate([np.asarray(layer["kernel"]).ravel() for layer in dense])
    return np.asarray(norms), weights


def main(sweep: Path) -> None:
    """Writes both files."""
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.2))
    rows = []
    for row, kind in enumerate(("clipping", "penalty")):
        for column, name in enumerate(SETS):
            axis = axes[row, column]
            scores = surface(axis, sweep / f"{kind}-{name}" / "seed0")
            axis.set_title(f"{kind}, {name}", fontsize=9)
            axis.set_aspect("equal")
            axis.set_xticks([])
            axis.set_yticks([])
            rows.append(f"| {kind}, {name} | " + " | ".join(f"{v:.3g}" for v in scores.values()))
            names = list(scores)
    found = {name: layers(sweep / name / "seed0") for name in DEEP}
    slopes = ["| critic | " + " | ".join(str(i + 1) for i in range(12)) + " |", "|---" * 13 + "|"]
    for name, (norms, _) in found.items():
        axes[0, 3].plot(range(1, len(norms) + 1), norms, label=name.removeprefix("deep-"))
        slopes.append(f"| {name} | " + " | ".join(f"{n:.2g}" for n in norms) + " |")
    axes[0, 3].set_yscale("log")
    axes[0, 3].set_xticks(range(1, 13))
    axes[0, 3].set_title("gradient norm at each of 12 layers", fontsize=9)
    axes[0, 3].legend(fontsize=7)
    for axis, name in zip(
        (axes[1, 3], axes[0, 4], axes[1, 4]),
        ("deep-clipping-0.01", "deep-clipping-0.1", "deep-penalty"),
        strict=True,
    ):
        axis.hist(found[name][1], bins=60, color="#3b6ea5")
        axis.set_title(f"weights, {name.removeprefix('deep-')}", fontsize=9)
        axis.set_yticks([])
    figure.tight_layout()
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "toys.png", dpi=100)
    where = environment()
    head = [
        "# Critics of toy densities",
        "",
        "Made by `genlab sweep --config=experiments/wgan_gp/toys.py --workdir=runs/wgan_gp` and "
        "`python experiments/wgan_gp/figure.py runs/wgan_gp`; one seed, 2,000 moves of "
        f"each critic (500 of those with twelve layers); jax {where['jax']}, {where['cpus']} CPU "
        f"cores, drawn at commit {where['commit']}.",
        "",
        "| critic | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
        *(f"{row} |" for row in rows),
        "",
        "Norm of the critic's gradient at the output of each of twelve hidden layers:",
        "",
    ]
    (RESULTS / "toys.md").write_text("\n".join([*head, *slopes]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
