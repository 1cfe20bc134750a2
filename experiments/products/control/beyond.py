"""What is asked for beyond what was trained on: hue, value and length, of which training leaves out
a stretch and, of value and length, the upper end, read by the set's exact decoder: projection x 3
seeds, 32x32 products.

Run:    genlab sweep --config=experiments/products/control/beyond.py --workdir=runs/control_beyond
Shows:  experiments/products/control/results/beyond.md (see README.md)
"""

from control import config as whole
from control import critic, reader

from genlab import spec
from genlab.config import override
from genlab.data import products, withholding
from genlab.evaluation import Control

SEEDS = (0, 1, 2)
GIVEN = ("category", "hue", "value", "length")
WITHHELD = {
    "hue": ((0.45, 0.6),),
    "value": ((0.53, 0.62), (0.71, 0.8)),
    "length": ((0.4, 0.6), (0.8, 1.0)),
}
BEYOND = 0.1  # of a range, at either end: within what the decoder can answer


def config():
    made = whole()
    read = reader(GIVEN, 2_000)
    scored = spec(Control, read, ask="range", beyond=BEYOND, pairs=10, decode=150)
    data = spec(products, columns=("image", *GIVEN), test=2_000)
    changed = {
        "title": "Products asked for beyond the training data",
        "method.given": GIVEN,
        "method.discriminator": critic(project=GIVEN),
        "data": spec(withholding, data, WITHHELD),
        "evaluate": {"control": scored},
    }
    for field, value in changed.items():
        override(made, field, value)
    return made


def sweep():
    return {"projection": {}}
