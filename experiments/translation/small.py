"""Translation of products in minutes: 5 methods x 3 seeds, 32x32, narrow networks.

Run:    genlab sweep --config=experiments/translation/small.py --workdir=runs/translation_small
Shows:  experiments/translation/results/small.md (see README.md)
"""

from translation import config as whole
from translation import variants

SEEDS = (0, 1, 2)
STEPS, WIDTH, BATCH = 600, 8, 8
CHOSEN = ("sketch-regression", "sketch-pix2pix", "plain-supervised", "plain-cyclegan", "plain-cut")


def config():
    return whole(STEPS, WIDTH, BATCH)


def sweep():
    found = variants(STEPS, WIDTH)
    return {name: found[name] for name in CHOSEN}
