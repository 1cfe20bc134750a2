"""Rematerialisation: a trunk's blocks computed a second time for the gradient instead of kept.

What lies inside a network's blocks fills a device between the way forth and the way back. With
`remat=True` a trunk keeps what goes into each block and computes the block again on the way back
(Chen et al. 2016, arXiv:1604.06174): the same numbers, parameters and checkpoints, at the price of
arithmetic. `docs/scaling.md` has what it saves and costs.
"""

from collections.abc import Callable

import flax.linen as nn


def remat(on: bool, block: nn.Module) -> Callable:
    """`block`, called as `block(x, cond, train)`; with `on` its inside is computed anew for the
    gradient.
    """
    if not on:
        return block

    def call(x, cond, train):
        # flax's transform of a class would give the block, hence its parameters, another name
        return nn.remat(lambda block, x, cond: block(x, cond, train))(block, x, cond)

    return call
