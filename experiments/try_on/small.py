"""Try-on in minutes: 3 methods x 3 seeds, 64x64, narrow networks, few rounds.

Run:    genlab sweep --config=experiments/try_on/small.py --workdir=runs/try_on_small
Shows:  experiments/try_on/results/small.md (see README.md)
"""

from try_on import config as whole
from try_on import stages, sweep

__all__ = ["sweep"]

SEEDS = (0, 1, 2)


def config():
    made = whole()
    made.loop = stages(300)
    made.batch_size = 8
    return made
