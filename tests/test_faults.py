"""What goes wrong in a run's life, done for real: killed at any moment, a damaged or full disk, NaN
in every term, two runs at once, a clock that jumps; the run ends in one line or goes on, bit for
bit.
"""

import faulty
import numpy as np
import optax
import pytest
import tiny
from test_loop import leaves

from genlab import fit, spec
from genlab.checkpoint import Checkpoints
from genlab.config import override
from genlab.log import NotFinite
from genlab.runs import RunFolder
from genlab.training import prepare

TERMS = {  # the term a fault is put into, as the user reads it: how it is put there
    "disc/adversarial": ("gan", {"method.objective": "faulty:critic_fails"}),
    "gen/adversarial": ("gan", {"method.objective": "faulty:generator_fails"}),
    "disc/mine": ("gan", {"method.penalties": {"mine": {"fn": "faulty:penalty", "weight": 0.1}}}),
    "disc/ours": (
        "gan",
        {"method.regularisers": {"disc": {"ours": {"fn": "faulty:regulariser", "weight": 0.1}}}},
    ),
    "gen/ours": (
        "gan",
        {"method.regularisers": {"gen": {"ours": {"fn": "faulty:regulariser", "weight": 0.1}}}},
    ),
    "disc/gradient_norm": (
        "gan",
        {"method.penalties": {"mine": {"fn": "faulty:rootless", "weight": 0.1}}},
    ),
    "disc/gradient_penalty": (
        "gan",
        {"method.penalties": {"gradient_penalty": spec(faulty.schedule)}},
    ),
    "vae/distortion": ("vae", {"method.likelihood": spec(faulty.marked)}),
    "vae/kl": ("vae", {"method.beta": spec(faulty.schedule)}),
}


ALWAYS = ("disc/mine", "vae/distortion")  # the others are slow: each compiles a game of its own


@pytest.mark.parametrize(
    "culprit", [t if t in ALWAYS else pytest.param(t, marks=pytest.mark.slow) for t in TERMS]
)
def test_nan_in_any_term_stops_the_run_and_is_named(culprit, tmp_path):
    """With two moves of the critic in a round: what began in the first is not blamed on another
    term of the second, nor on the generator.
    """
    name, fault = TERMS[culprit]
    loop = {"steps": 40, "checkpoint_every": 2}
    config = getattr(tiny, name)(
        optim=spec(optax.adam, 1e-3), loop=loop, data=spec(faulty.pictures)
    )
    if name == "gan":
        override(config, "method.critic_moves", 2)
    for field, value in fault.items():
        override(config, field, value)
    with pytest.raises(NotFinite, match=rf"round \d+: {culprit} is nan .* is intact"):
        fit(config, tmp_path)
    assert culprit in RunFolder(tmp_path).status["error"]
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        _, state = checkpoints.restore(prepare(config).like())
    assert all(np.isfinite(leaf).all() for leaf in leaves(state))
