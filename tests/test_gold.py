"""The gold configs' networks are the official ones, parameter for parameter."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from genlab.config import build
from genlab.config.files import load
from genlab.sweep import plan

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
    method = build(plan.configure(load(FILE), variant, {}).method)
    batch = {
        "image": jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32),
        "label": jax.ShapeDtypeStruct((4, 10), jnp.float32),
    }
    params, _ = jax.eval_shape(method.init, jax.random.key(0), batch)
    counts = {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in params.items()}
    assert (counts["gen"], counts["disc"]) == OFFICIAL[variant]


def schedule(at, spec):
    """A schedule's values at some of its updates."""
    made = build(spec)
    return [round(float(made(step)), 6) for step in at]


def test_settings_are_the_official_ones():
    """The rows of the authors' scripts that differ most often between implementations."""
    found = {name: plan.configure(load(FILE), name, {}) for name in plan.variants(load(FILE))}
    gp, sn, big, r3 = (found[name] for name in ("wgan-gp", "sngan", "biggan", "r3gan"))
    for config, rounds in ((gp, 100_000), (sn, 50_000)):
        assert (config.method.critic_moves, config.batch_size) == (5, 64)
        assert (config.method.options[0].factor, config.loop.steps) == (2, rounds)
        for player, moves in (("disc", 5), ("gen", 1)):
            adam, end = config.optim[player], moves * rounds  # counted in its own updates
            assert (adam.b1, adam.b2) == (0.0, 0.9)
            assert schedule((0, end // 2, end), adam.learning_rate) == [2e-4, 1e-4, 0.0]
    assert dict(gp.method.penalties) == {"gradient_penalty": 10.0}
    wgan = found["wgan"].optim
    assert wgan.disc.args[0].eps_in_sqrt is False and wgan.disc.args[0].learning_rate == 5e-5
    assert wgan.disc.args[1].bound == 0.01 and found["wgan"].method.critic_moves == 5
    sagan = found["sagan"].optim
    assert (sagan.gen.learning_rate, sagan.disc.learning_rate) == (1e-4, 4e-4)
    assert (big.method.critic_moves, big.batch_size, big.data.augment) == (4, 50, ())
    assert schedule((999, 1_000), big.ema.gen) == [0.0, 0.9999]
    assert (r3.batch_size, r3.loop.steps) == (512, 20_000_000 // 512)
    last = r3.loop.steps
    assert schedule((0, last), r3.optim.gen.learning_rate) == [2e-4, 5e-5]
    assert schedule((0, last), r3.optim.gen.b2) == [0.9, 0.99]
    for name in ("r1", "r2"):  # each |grad|^2 / 2, so that the weight is their gamma
        assert schedule((0, last), r3.method.penalties[name]) == [0.05, 0.005]
    assert schedule((0, last), r3.method.augment[0].p) == [0.0, 0.55]
    for name in ("sngan", "sagan", "cgan-projection", "biggan"):
        assert found[name].method.objective == "hinge"
        assert "SpectralNorm" in found[name].method.discriminator.call
