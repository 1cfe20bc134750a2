"""A few of the autoencoders of `digits.py`, a fifth as long, in minutes.

Run:    genlab sweep --config=experiments/vae_zoo/small.py --workdir=runs/vae_zoo_small
        python experiments/vae_zoo/table.py small runs/vae_zoo_small
Shows:  experiments/vae_zoo/results/small.md (see README.md)
"""

import dataclasses

from zoo import DIGITS

SEEDS = (0, 1, 2)
FEW = dataclasses.replace(DIGITS, rounds=DIGITS.rounds // 5)
CHOSEN = ("vae", "beta-vae", "wae-mmd", "iwae", "vq-vae", "vq-vae-prior", "mixture-of-wae")


def config():
    return FEW.experiment("A few autoencoders on digits")


def sweep():
    every = FEW.variants()
    return {name: every[name] for name in CHOSEN}
