"""Four ways to give a model category, texture, hue and length, in minutes: 4 methods x 3 seeds at
equal arithmetic, 32x32 products.

Run:    genlab sweep --config=experiments/products/control/small.py --workdir=runs/control_small
Shows:  experiments/products/control/results/small.md (see README.md)
"""

from control import config as whole
from control import evaluated, rounds, stages
from control import sweep as every

SEEDS = (0, 1, 2)
CALLS = 16


def config():
    made = whole()
    made.loop.update(stages(CALLS, 50))
    made.batch_size = 32
    made.ema.gen = 0.98
    made.evaluate.update(evaluated(2_000, samples=1_000, pairs=100))
    return made


def sweep():
    variants = {name: every()[name] for name in ("concatenation", "projection", "ac-gan", "cvae")}
    variants["cvae"] |= {"ema": {"encoder": 0.98, "decoder": 0.98}}
    return {name: {**fields, **rounds(CALLS).get(name, {})} for name, fields in variants.items()}
