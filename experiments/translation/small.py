"""Translation of products in minutes: 7 methods x 3 seeds, 32x32, narrow networks.

Run:    genlab sweep --config=experiments/translation/small.py --workdir=runs/translation_small
Shows:  experiments/translation/results/small.md (see README.md)
"""

from translation import config as whole
from translation import sweep as every

SEEDS = (0, 1, 2)
STEPS, WIDTH, BATCH = 400, 16, 8


def config():
    made = whole(STEPS, WIDTH)
    made.batch_size = BATCH
    return made


def sweep():
    return every(STEPS, WIDTH)
