"""The Dirac-GAN: data at 0, a generator of one point theta, a critic D(x) = psi x.

Mescheder et al. 2018, arXiv:1801.04406: which objectives and penalties make the game converge.

Run:    python experiments/dirac_gan/table.py
Writes: experiments/dirac_gan/results/: eigenvalues.md, eigenvalues and convergence class of every
        row with the paper's; trajectories.png
As any experiment: genlab sweep --config=experiments/dirac_gan/dirac.py --workdir=runs/dirac_gan
"""

import optax
from point import Line, Point, origin, spread

from genlab import Experiment, Loop, spec
from genlab.game.dynamics import consensus, extragradient, simultaneous, unrolled
from genlab.game.optim import clip_weights
from genlab.methods import GAN

SEEDS = (0,)
RATE = 0.2


def config():
    """500 rounds from (1, -1) with step 0.2, simultaneous updates, as in the authors' notebooks."""
    sgd = spec(optax.sgd, RATE)
    return spec(
        Experiment,
        title="Dirac-GAN",
        method=spec(
            GAN,
            spec(Point),
            spec(Line),
            latent=1,
            objective="minimax",
            dynamics=(spec(simultaneous),),
        ),
        data=spec(origin),
        optim={"disc": sgd, "gen": sgd},
        batch_size=64,
        loop=spec(Loop, steps=500, rounds_per_call=50, log_every=50, sample_every=0, devices=1),
    )


def sweep():
    """The rows of the paper's Table 1, then other methods that make the game converge."""
    at_once = spec(simultaneous)
    clipped = spec(optax.chain, spec(optax.sgd, RATE), spec(clip_weights, 1.0))
    wasserstein = {"method.objective": "wasserstein"}
    return {
        "gan": {},
        "ns-gan": {"method.objective": "nonsaturating"},
        "wgan": {**wasserstein, "optim.disc": clipped},
        "wgan-gp": {
            **wasserstein,
            "method.penalties": {"gradient_penalty": {"weight": 0.35, "target": 1.0}},
        },
        "instance-noise": {"method.augment": (spec(spread, 0.7),)},
        "r1": {"method.penalties": {"r1": 0.3}},
        "r1-critical": {"method.penalties": {"r1": 1.0}},
        "r2": {"method.penalties": {"r2": 0.3}},
        "consensus": {"method.dynamics": (at_once, spec(consensus, 1.0))},
        "gan-alternating": {"method.dynamics": ()},
        "ns-gan-alternating": {"method.objective": "nonsaturating", "method.dynamics": ()},
        "gan-alternating-5": {"method.dynamics": (), "method.critic_moves": 5},
        "r1-alternating": {"method.dynamics": (), "method.penalties": {"r1": 0.3}},
        "least-squares": {"method.objective": "least_squares"},
        "hinge": {"method.objective": "hinge"},
        "relativistic": {"method.objective": "relativistic"},
        "relativistic-r1-r2": {
            "method.objective": "relativistic",
            "method.penalties": {"r1": 0.3, "r2": 0.3},
        },
        "extragradient": {"method.dynamics": (spec(extragradient),)},
        "optimistic": {
            "optim.disc": spec(optax.optimistic_gradient_descent, RATE),
            "optim.gen": spec(optax.optimistic_gradient_descent, RATE),
        },
        "unrolled-5": {"method.dynamics": (at_once, spec(unrolled, 5))},
    }
