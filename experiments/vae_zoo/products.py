"""The same autoencoders as in `digits.py` on 28x28 products in colour.

Run:    genlab sweep --config=experiments/vae_zoo/products.py --workdir=runs/vae_zoo_products
        python experiments/vae_zoo/table.py products runs/vae_zoo_products
Shows:  experiments/vae_zoo/results/products.md (see README.md)
"""

from zoo import PRODUCTS

SEEDS = (0, 1, 2, 3, 4)


def config():
    return PRODUCTS.experiment("Autoencoders on products")


def sweep():
    return PRODUCTS.variants()
