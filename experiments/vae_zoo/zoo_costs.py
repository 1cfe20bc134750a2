"""What a round of each variant of `zoo.py` costs, and the command that counts it.

Run:    python experiments/vae_zoo/zoo_costs.py digits
        python experiments/vae_zoo/zoo_costs.py products vq-vae fsq

Floating-point operations of a round as XLA counts them before optimisation (the field
`flops_per_round` of a run's cost), in rounds of the VAE. A network that is taken from another run
is counted as that run builds it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from genlab.config import as_dict, build, from_dict
from genlab.config.files import load
from genlab.runs.identity import TRAINED
from genlab.sweep import plan
from genlab.train import program
from genlab.train.cost import cost

COST: dict[str, dict[str, float]] = {
    "digits": {
        "factor-vae": 1.29, "aae": 1.67, "vae-gan": 4.83, "bigan": 3.53, "iwae": 3.69,
        "spline": 1.08, "hamiltonian": 9.08, "vamp": 1.3, "ladder": 1.14, "vq-vae": 1.09,
        "vq-vae-prior": 2.64, "fsq": 1.02, "fsq-prior": 2.64, "first-stage": 0.69,
        "two-stage": 0.34, "denoising-ae": 1.05, "rae-gp": 1.71, "rae-sn": 1.02, "wae-gan": 1.38,
        "ali": 3.54, "categorical": 1.1, "miwae": 4.37, "ciwae": 3.69, "piwae": 8.46, "stl": 1.68,
        "dreg": 7.1, "cvae": 1.4, "ms-ssim": 0.82, "perceptual": 2.1, "vdvae": 6.39, "nvae": 4.98,
        "vq-vae-rotation": 1.09, "vq-vae-rotation-prior": 2.64, "lfq": 1.06, "lfq-prior": 2.63,
        "residual-vq": 1.1, "residual-vq-prior": 2.64, "vq-vae-2": 1.26, "vq-vae-2-prior": 3.36,
        "vq-gan": 2.59, "vq-gan-prior": 2.64,
    },
    "products": {
        "factor-vae": 1.18, "aae": 1.52, "vae-gan": 4.8, "bigan": 3.5, "iwae": 3.61,
        "spline": 1.03, "hamiltonian": 9.35, "vamp": 1.27, "ladder": 1.1, "vq-vae": 1.03,
        "vq-vae-prior": 1.05, "fsq-prior": 1.05, "first-stage": 0.69, "two-stage": 0.19,
        "denoising-ae": 1.06, "rae-gp": 1.73, "rae-sn": 1.02, "wae-gan": 1.22, "ali": 2.9,
        "categorical": 1.04, "miwae": 4.53, "ciwae": 3.83, "piwae": 8.84, "stl": 1.72, "dreg": 7.41,
        "cvae": 1.23, "ms-ssim": 0.79, "perceptual": 1.48, "vdvae": 2.59,
        "nvae": 2.02,
        "vq-vae-rotation": 1.04, "vq-vae-rotation-prior": 1.09, "lfq": 1.02, "lfq-prior": 1.09,
        "residual-vq": 1.04, "residual-vq-prior": 1.09, "vq-vae-2": 1.1, "vq-vae-2-prior": 1.37,
        "vq-gan": 2.39, "vq-gan-prior": 1.09,
    },
}  # fmt: skip
"""By set and variant, where it is not 1."""


def counted(experiment: ModuleType, variant: str, known: Mapping[str, Mapping]) -> float:
    """Floating-point operations of a round of a variant."""

    def configured(name: str) -> dict:
        return as_dict(plan.configure(experiment, name, {"loop.devices": 1}, known))

    def built(node: Any) -> Any:
        if isinstance(node, Mapping) and node.get("call") in TRAINED:
            base = configured(Path(node["run"]).parent.name)
            return built(base["method"][node["network"]])
        if isinstance(node, Mapping):
            return {name: built(value) for name, value in node.items()}
        return tuple(map(built, node)) if isinstance(node, list | tuple) else node

    config = from_dict(built(configured(variant)))
    training = program.reopened(config, build(config.data))
    return cost(training)["flops_per_round"]


def main(name: str, *chosen: str) -> None:
    """Prints what a round of each variant costs."""
    experiment = load(Path(__file__).parent / f"{name}.py")
    known = plan.variants(experiment)
    one = counted(experiment, "vae", known)
    for variant in chosen or known:
        cost = counted(experiment, variant, known) / one
        print(f"{variant} {cost:.2f} (zoo.py: {COST[name].get(variant, 1.0)})", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
