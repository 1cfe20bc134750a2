"""Colour as CIE Lab of sRGB under D65 (IEC 61966-2-1; CIE 15): a network that colours may keep the
lightness it is given and say the two others alone (Zhang et al. 2016, arXiv:1603.08511, Section 2;
pix2pix's colourisation).
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.layers import Wrapper

TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)
AB = 110.0  # of a and b that stand for 1, pix2pix's: sRGB's are within 108
EDGE = 6 / 29

Pictures = Float[Array, "b h w 3"]


def to_lab(x: Pictures) -> Pictures:
    """Pictures in [-1, 1] as (L, a, b), L in 0..100."""
    rgb = (x + 1) / 2
    low = rgb <= 0.04045
    linear = jnp.where(low, rgb / 12.92, ((jnp.where(low, 1.0, rgb) + 0.055) / 1.055) ** 2.4)
    xyz = _product(linear, jnp.array(TO_XYZ)) / jnp.array(WHITE)[None, None, None]
    low = xyz <= EDGE**3
    f = jnp.where(low, xyz / (3 * EDGE**2) + 4 / 29, jnp.cbrt(jnp.where(low, 1.0, xyz)))
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def from_lab(lab: Pictures) -> Pictures:
    """(L, a, b) as pictures in [-1, 1]; colours that sRGB does not have are clipped."""
    y = (lab[..., 0] + 16) / 116
    f = jnp.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = jnp.where(f > EDGE, f**3, 3 * EDGE**2 * (f - 4 / 29)) * jnp.array(WHITE)[None, None, None]
    linear = jnp.clip(_product(xyz, jnp.linalg.inv(jnp.array(TO_XYZ))), 0.0, 1.0)
    low = linear <= 0.0031308
    rgb = jnp.where(low, 12.92 * linear, 1.055 * jnp.where(low, 1.0, linear) ** (1 / 2.4) - 0.055)
    return 2 * rgb - 1


class KeepsLightness(Wrapper):
    """Colours a grey picture: `net`, a Translator of two channels, gives a and b over 110, and L is
    that of the grey picture.

    grey: the column given
    """

    grey: str = "grey"

    @nn.compact
    def __call__(
        self, z: Array | None, cond: Conditions | None = None, train: bool = True
    ) -> Pictures:
        """Pictures in [-1, 1]. ConfigError for a net of another number of channels."""
        ab = self.net(z, cond, train)
        if ab.shape[-1] != 2:
            raise ConfigError(
                f"KeepsLightness wants two channels, a and b, of its net, which makes "
                f"{ab.shape[-1]}: set channels=2 in its trunk"
            )
        if not cond or self.grey not in cond:
            raise ConfigError(f"KeepsLightness is given no {self.grey!r}: name it in `given`")
        lightness = to_lab(jnp.repeat(cond[self.grey][..., :1], 3, axis=-1))[..., :1]
        return from_lab(jnp.concatenate([lightness, AB * ab], axis=-1))


def _product(x: Pictures, matrix: Float[Array, "3 3"]) -> Pictures:
    return jnp.einsum("bhwc,dc->bhwd", x, matrix, precision="highest")
