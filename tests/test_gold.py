"""The gold configs' networks are the official ones, parameter for parameter."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from genlab import sweep
from genlab.config import build
from genlab.files import load

FILE = Path(__file__).parents[1] / "experiments" / "gold" / "cifar10.py"
OFFICIAL = {  # (generator, critic) in the authors' code; the arithmetic is in nets/test_families.py
    "wgan-gp": (1_204_483, 1_053_696 + 129),
    "sngan": (4_276_739, 1_053_696 + 128 + 1),  # our last layer has a bias, theirs none
    "cgan-projection": (4_304_387, 1_053_696 + 128 + 1 + 10 * 128),
    "biggan": (4_304_387, 4_204_544 + 257 + 2_560),
    "r3gan": (20_781_952, 21_280_512),
}


@pytest.mark.parametrize("variant", OFFICIAL)
def test_parameter_counts_are_the_official_ones(variant):
    method = build(sweep.configure(load(FILE), variant, {}).method)
    batch = {
        "image": jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32),
        "cond": jax.ShapeDtypeStruct((4,), jnp.int32),
    }
    params, _ = jax.eval_shape(method.init, jax.random.key(0), batch)
    counts = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
    assert (counts["gen"], counts["disc"]) == OFFICIAL[variant]
