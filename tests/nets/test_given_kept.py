"""Networks that keep what they are given: pixels around holes, lightness."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import rgb2lab

from genlab.config import ConfigError
from genlab.losses.colour import ab_l1
from genlab.nets.colour import KeepsLightness, from_lab, to_lab
from genlab.nets.pasted import Pasted

RNG = np.random.default_rng(0)


class Half(nn.Module):
    """One half everywhere."""

    channels: int = 3

    @nn.compact
    def __call__(self, z, cond=None, train=True):
        """[b, 2, 2, channels]."""
        return jnp.full((2, 2, 2, self.channels), 0.5)


def test_what_is_known_is_put_back_around_holes():
    x, holes = RNG.uniform(-1, 1, (2, 2, 2, 3)), RNG.random((2, 2, 2, 1)) < 0.5
    given = {"masked": jnp.float32(x), "holes": jnp.float32(holes)}
    made = Pasted(Half()).apply({}, None, given)
    np.testing.assert_allclose(made, np.where(holes, 0.5, x), rtol=1e-6)
    with pytest.raises(ConfigError, match="Pasted puts 'masked' back"):
        Pasted(Half()).apply({}, None, {"masked": given["masked"]})


# of sRGB: L, a and b (CIE 15; Lindbloom's calculator, to a digit)
KNOWN = {
    (1.0, 1.0, 1.0): (100.0, 0.0, 0.0),
    (0.0, 0.0, 0.0): (0.0, 0.0, 0.0),
    (1.0, 0.0, 0.0): (53.2, 80.1, 67.2),
    (0.0, 1.0, 0.0): (87.7, -86.2, 83.2),
    (0.0, 0.0, 1.0): (32.3, 79.2, -107.9),
}


def test_colours_in_lab_are_those_of_the_standard_and_back():
    rgb = np.array([*KNOWN]).reshape(1, 1, -1, 3) * 2 - 1
    rgb = np.concatenate([rgb, RNG.uniform(-1, 1, (1, 1, 9, 3))], 2)
    lab, again = jax.jit(lambda x: (to_lab(x), from_lab(to_lab(x))))(jnp.float32(rgb))
    np.testing.assert_allclose(lab[0, 0, : len(KNOWN)], [*KNOWN.values()], atol=0.06)
    np.testing.assert_allclose(again, rgb, atol=2e-4)
    other = rgb[:, :, ::-1].copy()
    of = jax.jit(jax.value_and_grad(lambda x: ab_l1(x, jnp.float32(other)).sum()))
    value, slope = of(jnp.float32(rgb))
    a, b = (rgb2lab((x + 1) / 2)[..., 1:] for x in (rgb, other))
    np.testing.assert_allclose(value, np.abs(a - b).mean() / 110, rtol=1e-3)  # another last digit
    assert np.isfinite(slope).all()


def test_a_network_that_colours_keeps_the_lightness_it_is_given():
    grey = jnp.float32(RNG.uniform(-0.2, 0.2, (2, 2, 2, 1)))

    @jax.jit
    def lightness_and_colours(grey):
        made = KeepsLightness(Half(2)).apply({}, None, {"grey": grey})
        wanted = to_lab(jnp.repeat(grey, 3, -1))[..., :1]
        soft = from_lab(jnp.concatenate([wanted, jnp.full((*wanted.shape[:3], 2), 5.5)], -1))
        kept = from_lab(jnp.concatenate([wanted, jnp.full((*wanted.shape[:3], 2), 55.0)], -1))
        return made, kept, to_lab(soft), wanted, ab_l1(soft, jnp.repeat(grey, 3, -1))

    made, kept, soft, wanted, apart = lightness_and_colours(grey)
    np.testing.assert_allclose(made, kept, atol=1e-5)  # one half of 110
    np.testing.assert_allclose(soft[..., :1], wanted, atol=1e-2)
    np.testing.assert_allclose(apart, [0.05, 0.05], atol=1e-3)
    with pytest.raises(ConfigError, match="two channels"):
        jax.eval_shape(lambda: KeepsLightness(Half(3)).apply({}, None, {"grey": grey}))
