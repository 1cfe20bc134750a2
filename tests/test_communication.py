"""What devices tell one another, counted in the compiled program."""

import math
import re

import jax
import pytest
import tiny

from genlab import spec
from genlab.nets import Generator, mlp
from genlab.training import prepare

COLLECTIVE = re.compile(
    r"= (?P<shapes>.*?) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter"
    r"|collective-permute)(?:-start)?\("
)
SHAPE = re.compile(r"(?P<dtype>\w+)\[(?P<sides>[\d,]*)\]")


def collectives(config):
    """(kind, dtype, shape) of every array that the devices exchange in a round, and the number of
    parameters by network.
    """
    training = prepare(config)
    state, held = training.init(), training.fetch(0, 1)
    program = training.compile(state, held, 1).executable.as_text()
    found = [
        (match["kind"], shape["dtype"], tuple(int(n) for n in shape["sides"].split(",") if n))
        for match in COLLECTIVE.finditer(program)
        for shape in SHAPE.finditer(match["shapes"])
    ]
    sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in state.params.items()}
    return found, sizes


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_a_round_reduces_the_owned_gradients_and_nothing_else(devices):
    """Without norms: the critic's gradients once for real and once for generated images, the
    generator's once, and of everything else only scalars, the means of losses.
    """
    config = tiny.gan(loop={"devices": devices})
    config.method.generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (16,), norm="Identity"))
    found, sizes = collectives(config)
    assert {kind for kind, _, _ in found} == {"all-reduce"}
    assert {dtype for _, dtype, _ in found} == {"f32"}
    assert (
        sum(math.prod(shape) for _, _, shape in found if shape) == 2 * sizes["disc"] + sizes["gen"]
    )
