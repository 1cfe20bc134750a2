"""Autoencoders with priors of many kinds on 28x28 handwritten digits: one network, one likelihood,
equal arithmetic, both runs together of a model that is made of two. `zoo.py` has them.

Run:    genlab sweep --config=experiments/vae_zoo/digits.py --workdir=runs/vae_zoo
        python experiments/vae_zoo/table.py digits runs/vae_zoo
Shows:  experiments/vae_zoo/results/digits.md (see README.md)
"""

from zoo import DIGITS

SEEDS = (0, 1, 2, 3, 4)


def config():
    return DIGITS.experiment("Autoencoders on digits")


def sweep():
    return DIGITS.variants()
