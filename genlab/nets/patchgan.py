"""PatchGAN: a critic that judges every patch of a picture by itself (Isola et al. 2017,
arXiv:1611.07004, Section 3.2.2 and Appendix 6.1.2; after Li & Wand 2016, arXiv:1604.04382).

    field   convolutions of stride 2        patch logits of 256x256
    1       none, all 1x1 ("PixelGAN")      256x256
    16      1                               126x126
    70      3, the paper's choice           30x30
    286     5                               6x6
"""

import functools

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.roles import with_channels

FIELDS = (1, *(18 * 2**n - 2 for n in range(6)))  # 1, 16, 34, 70, 142, 286, 574


class Discriminator(nn.Module):
    """Pictures to one logit for every patch of `field` x `field` pixels; what is given enters along
    the channels, as in `nets.Discriminator`.

    field: side of a patch, in pixels: 1, 16, 34, 70, 142, 286 or 574
    width: channels of the first layer; each further one doubles them, up to `8 * width`

    The last map before the logits is sown as "features" in the collection "intermediates".
    """

    field: int = 70
    width: int = 64
    norm: str = "BatchNorm"
    dtype: str = "float32"

    def __post_init__(self):
        if self.field not in FIELDS:
            raise ConfigError(
                f"patchgan.Discriminator(field={self.field}): patches are of "
                f"{', '.join(map(str, FIELDS))} pixels a side"
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j"]:
        """Logits, float32. ConfigError for pictures too small for one patch's logit."""
        _refuse_small(self.field, x.shape)
        kernel, pads = (1, ((0, 0),) * 2) if self.field == 1 else (4, ((1, 1),) * 2)
        conv = functools.partial(
            Conv,
            kernel_size=(kernel, kernel),
            padding=pads,
            kernel_init=layers.normal_02,
            dtype=self.dtype,
        )
        x = with_channels(x, cond)
        strides = [2] * FIELDS.index(self.field) + [1]
        if self.field == 1:
            strides = [1, 1]
        for number, stride in enumerate(strides):
            norm = self.norm if number else "Identity"
            features = self.width * min(8, 2**number)
            x = conv(features, strides=(stride, stride), use_bias=layers.has_bias(norm))(x)
            x = jax.nn.leaky_relu(layers.norm(norm, self.dtype)(x, cond, train), 0.2)
        self.sow("intermediates", "features", layers.examples(x.reshape(len(x), -1)))
        return conv(1, name="logit")(x)[..., 0].astype("float32")


def _refuse_small(field: int, shape: tuple[int, ...]) -> None:
    """ConfigError for pictures, "b h w c", of which no patch logit would be left."""
    if min(shape[1:3]) >= least(field):
        return
    fit = [str(other) for other in FIELDS if min(shape[1:3]) >= least(other)]
    raise ConfigError(
        f"pictures of {shape[1]}x{shape[2]} are too small for patchgan.Discriminator(field={field})"
        f", which takes {least(field)} pixels a side or more: set field to {' or '.join(fit)}"
    )


def least(field: int) -> int:
    """The least side of pictures that patches of `field` pixels are judged in."""
    return 1 if field == 1 else 3 * 2 ** FIELDS.index(field)
