"""Five tasks of restoration beside classic methods, in minutes: regression x 3 seeds, 32x32 patches
of photographs.

Run:    genlab sweep --config=experiments/restoration/small.py --workdir=runs/restoration_small
Shows:  experiments/restoration/results/small.md (see README.md)
"""

from restoration import TASKS, fields
from restoration import config as whole

SEEDS = (0, 1, 2)
CHOSEN = ("inpainting-20", "denoising-25", "enlarging-x2", "colouring", "deblurring")
STEPS, BLOCKS = 500, 3


def variant(task):
    made = fields("regression", TASKS[task], steps=STEPS, samples=100)
    if "blocks" in (trunk := made["method"].generator.trunk):
        trunk.blocks = BLOCKS
    return made


def config():
    made = whole()
    made.loop.update(variant("denoising-25")["loop"])
    return made


def sweep():
    return {f"{task}-regression": variant(task) for task in CHOSEN}
