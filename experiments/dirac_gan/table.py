"""Plays every row of `dirac.py` with the framework's own players and step; writes a table of
eigenvalues and a figure of trajectories.

Run:    python experiments/dirac_gan/table.py        (CPU, under two minutes)
Writes: experiments/dirac_gan/results/: eigenvalues.md, trajectories.png
"""

import cmath
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from jax import lax, random

from genlab import game
from genlab.config import build, override
from genlab.config.files import load
from genlab.game.dynamics import simultaneous
from genlab.sweep import plan

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ROUNDS, RATE = 500, 0.2
F1, F2 = 0.5, -0.25  # f'(0) and f''(0) of f(t) = -log(1 + exp(-t))


class Row(NamedTuple):
    """The paper's result for a method: eigenvalues of v' at (0, 0), and convergence."""

    eigenvalues: tuple[complex, complex] | None
    formula: str
    verdict: str


def roots(half: float, product: float) -> tuple[complex, complex]:
    """half +- sqrt(half^2 - product)."""
    root = cmath.sqrt(half**2 - product)
    return half + root, half - root


NOISE, GAMMA, CONSENSUS = 0.7, 0.3, 1.0
PAPER = {
    "gan": Row((F1 * 1j, -F1 * 1j), "±i f'(0)", "does not converge linearly"),
    "ns-gan": Row((F1 * 1j, -F1 * 1j), "±i f'(0)", "does not converge linearly"),
    "wgan": Row((1j, -1j), "±i", "does not converge"),
    "wgan-gp": Row(None, "(no derivative at ψ = 0)", "does not converge"),
    "instance-noise": Row(
        roots(F2 * NOISE**2, F1**2), "f''(0)σ² ± √(f''(0)²σ⁴ - f'(0)²)", "converges linearly"
    ),
    "r1": Row(roots(-GAMMA / 2, F1**2), "-γ/2 ± √(γ²/4 - f'(0)²)", "converges linearly"),
    "r1-critical": Row(roots(-0.5, F1**2), "-γ/2 ± √(γ²/4 - f'(0)²), γ = 1", "converges linearly"),
    "r2": Row(roots(-GAMMA / 2, F1**2), "-γ/2 ± √(γ²/4 - f'(0)²)", "converges linearly"),
    "consensus": Row(
        (complex(-CONSENSUS * F1**2, F1), complex(-CONSENSUS * F1**2, -F1)),
        "-γ f'(0)² ± i f'(0)",
        "converges linearly",
    ),
}


def experiment(variant: str, schedule: str = ""):
    """The built experiment of a row; `schedule` is "", "alternating" or "alternating-5"."""
    config = plan.configure(load(HERE / "dirac.py"), variant, {})
    if schedule:
        at_once = f"{simultaneous.__module__}:{simultaneous.__qualname__}"
        kept = tuple(change for change in config.method.dynamics if change.call != at_once)
        override(config, "method.dynamics", kept)
        override(config, "method.critic_moves", 5 if schedule.endswith("5") else 1)
    return build(config)


def start(e) -> tuple[game.State, dict]:
    """The state before the first round, and the batches of every round: zeros."""
    batches = {"image": jnp.zeros((game.batches_per_round(e.method), e.batch_size, 1))}
    first = {"image": batches["image"][0]}
    return game.init(e.method, e.optim, e.ema, random.key(0), first), batches


def play(e, rounds: int = ROUNDS) -> np.ndarray:
    """The path [rounds + 1, 2] of (theta, psi) under `game.step`."""
    state, batches = start(e)

    def place(params):
        return jnp.stack([params["gen"]["theta"], params["disc"]["psi"]])

    def one(state, _):
        state, _ = game.step(e.method, e.optim, e.ema, state, batches)
        return state, place(state.params)

    _, path = jax.jit(lambda state: lax.scan(one, state, length=rounds))(state)
    return np.concatenate([place(state.params)[None], path])


def eigenvalues(e) -> np.ndarray:
    """Of the Jacobian v' of the players' gradient field at (0, 0)."""
    state, batches = start(e)
    first = {"image": batches["image"][0]}

    def field(at):
        params = {"gen": {"theta": at[0]}, "disc": {"psi": at[1]}}

        def pull(name):
            def loss(own):
                mixed = {**params, name: own}
                player = e.method.players()[name]
                return player.loss(mixed, state.stats, first, random.key(1), 0)[0]

            return jax.tree.leaves(jax.grad(loss)(params[name]))[0]

        return -jnp.stack([pull("gen"), pull("disc")])

    return np.linalg.eigvals(np.asarray(jax.jit(jax.jacobian(field))(jnp.zeros(2)), np.float64))


def ordered(values) -> list[complex]:
    """By real part, then imaginary part, to nine places."""
    return sorted((complex(v) for v in values), key=lambda v: (round(v.real, 9), round(v.imag, 9)))


def verdict(path: np.ndarray) -> str:
    """Whether the last 100 rounds converge, circle or diverge."""
    away = np.hypot(*path.T)
    early, late = away[-200:-100].max(), away[-100:].max()
    if late < max(0.9 * early, 1e-12):
        return "converges"
    return "diverges" if late > 1.02 * early else "circles"


def spelt(values) -> str:
    """Complex numbers, sorted, to three places."""
    return ", ".join(f"{v.real + 0.0:+.3f}{v.imag:+.3f}i" for v in ordered(values))


def main() -> None:
    """Plays everything and writes both files."""
    jax.config.update("jax_enable_x64", True)
    lines = [
        "| method | eigenvalues in the paper | at our settings | ours | largest difference | "
        "the paper says | simultaneous | alternating | alternating, 5 critic moves |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    paths = {}
    for name, row in PAPER.items():
        played = {s: play(experiment(name, s)) for s in ("", "alternating", "alternating-5")}
        paths[name] = played[""]
        wanted, found, off = "-", "-", "-"
        if row.eigenvalues is not None:
            ours = eigenvalues(experiment(name))
            wanted, found = spelt(row.eigenvalues), spelt(ours)
            pairs = zip(ordered(ours), ordered(row.eigenvalues), strict=True)
            off = f"{max(abs(a - b) for a, b in pairs):.0e}"
        seen = [f"{verdict(path)}, {np.hypot(*path[-1]):.2g}" for path in played.values()]
        cells = [name, row.formula, wanted, found, off, row.verdict, *seen]
        lines.append("| " + " | ".join(cells) + " |")
    others = [name for name in plan.variants(load(HERE / "dirac.py")) if name not in PAPER]
    lines += ["", "| beyond the paper's table | after 500 rounds |", "|---|---|"]
    for name in others:
        path = play(experiment(name))
        paths[name] = path
        lines.append(f"| {name} | {verdict(path)}, {np.hypot(*path[-1]):.2g} |")
    head = [
        "# Dirac-GAN",
        "",
        f"Made by `python experiments/dirac_gan/table.py` with jax {jax.__version__}, float64, on "
        "the CPU; no randomness. Step 0.2, 500 rounds from (θ, ψ) = (1, -1), which is the "
        "authors' (1, 1), their critic being high for samples; clipping at 1, gradient penalty "
        "0.35 with target 1, noise σ = 0.7, γ = 0.3 (R1, R2), consensus 1. The last columns say "
        "what the last 100 rounds did and how far from the equilibrium the game ended.",
        "",
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "eigenvalues.md").write_text("\n".join([*head, *lines]) + "\n")
    draw(paths)


def draw(paths: dict[str, np.ndarray]) -> None:
    """Every trajectory in the (theta, psi) plane."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = 5
    rows = -(-len(paths) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.4 * columns, 2.5 * rows), sharex=True, sharey=True
    )
    for axis, (name, path) in zip(axes.flat, paths.items(), strict=False):
        axis.plot(*path.T, linewidth=0.6, color="#3b6ea5")
        axis.plot(*path[0], "o", markersize=4, color="#3b6ea5")
        axis.plot(0, 0, "x", markersize=6, color="#b5483a")
        axis.set_title(name, fontsize=9)
        axis.set_xlim(-2.2, 2.2)
        axis.set_ylim(-2.2, 2.2)
        axis.set_aspect("equal")
    for axis in axes.flat[len(paths) :]:
        axis.axis("off")
    figure.supxlabel("θ (generator)", fontsize=9)
    figure.supylabel("ψ (critic)", fontsize=9)
    figure.tight_layout()
    figure.savefig(RESULTS / "trajectories.png", dpi=110)


if __name__ == "__main__":
    main()
