r"""Products recoloured in minutes: 2 methods x 3 seeds, 32x32, narrow networks.

Run:    genlab sweep --config=experiments/translation/colours_small.py \
            --workdir=runs/translation_colours_small
Shows:  experiments/translation/results/colours_small.md (see README.md)
"""

from colours import config as whole
from colours import sweep as every

SEEDS = (0, 1, 2)
STEPS, WIDTH, BATCH = 400, 8, 8


def config():
    return whole(STEPS, WIDTH, BATCH)


def sweep():
    return every(STEPS, WIDTH)
