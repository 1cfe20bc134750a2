"""Four ways to give a model category, texture, hue and length, in minutes: 4 methods x 3 seeds at
equal arithmetic, 32x32 products.

Run:    genlab sweep --config=experiments/products/control/small.py --workdir=runs/control_small
Shows:  experiments/products/control/results/small.md (see README.md)
"""

from control import config as whole
from control import stages
from control import sweep as every

SEEDS = (0, 1, 2)


def config():
    made = whole()
    made.loop.update(stages(500))
    made.ema.gen = 0.98
    made.evaluate.control.update({"samples": 1_000, "pairs": 100})
    return made


def sweep():
    variants = {name: every()[name] for name in ("concatenation", "projection", "ac-gan", "cvae")}
    average = {"ema": {"encoder": 0.98, "decoder": 0.98}}
    rounds = {f"loop.{name}": value for name, value in stages(1_000).items()}
    return {**variants, "cvae": {**variants["cvae"], **average, **rounds}}
