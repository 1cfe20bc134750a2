"""Further pairs of the Wasserstein-1 benchmark, up to 128 dimensions; see critics.py.

Run:    genlab sweep --config=experiments/wasserstein1/more.py --workdir=runs/wasserstein1
Then:   python experiments/wasserstein1/table.py runs/wasserstein1
"""

import critics

SEEDS = critics.SEEDS
PAIRS = ((2, 16), (2, 64), (4, 4), (8, 4), (16, 64), (64, 4), (128, 4))


def config():
    return critics.config()


def sweep():
    return critics.over(PAIRS)
