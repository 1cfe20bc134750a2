"""Seven tasks of restoration beside classic methods, in minutes: regression on all, a critic on one
of them, 3 seeds, 32x32 patches of photographs.

Run:    genlab sweep --config=experiments/restoration/small.py --workdir=runs/restoration_small
Shows:  experiments/restoration/results/small.md (see README.md)
"""

from restoration import TASKS, fields
from restoration import config as whole

SEEDS = (0, 1, 2)
CHOSEN = ("inpainting-20", "inpainting-60", "denoising-25", "enlarging-x2", "enlarging-x4",
          "colouring", "deblurring")  # fmt: skip
WITH_CRITIC = ("inpainting-20",)
ROUNDS, WIDTH, BLOCKS = 400, 16, 3


def narrow(made):
    trunk = made["method"].generator.trunk
    trunk.width = WIDTH
    if "blocks" in trunk:
        trunk.blocks = BLOCKS
    if "discriminator" in made["method"]:
        made["method"].discriminator.width = WIDTH
    return made


def variant(task, name):
    return narrow(fields(name, TASKS[task], steps=ROUNDS, samples=100))


def config():
    made = whole()
    made.batch_size = 16
    made.loop.update(variant("denoising-25", "regression")["loop"])
    return made


def sweep():
    found = {f"{task}-regression": variant(task, "regression") for task in CHOSEN}
    return found | {f"{task}-critic": variant(task, "critic") for task in WITH_CRITIC}
