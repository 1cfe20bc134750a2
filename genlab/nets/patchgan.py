"""PatchGAN: a critic that judges every patch of a picture by itself (Isola et al. 2017,
arXiv:1611.07004, Section 3.2.2 and Appendix 6.1.2; after Li & Wand 2016, arXiv:1604.04382).

    field   convolutions of stride 2        patch logits of 256x256
    1       none, all 1x1 ("PixelGAN")      256x256
    16      1                               126x126
    70      3, the paper's choice           30x30
    286     5                               6x6

At several scales (Wang et al. 2018, arXiv:1711.11585, Section 3.2), as the critic of SPADE (Park et
al. 2019, arXiv:1903.07291):

    MultiScale(SpectralNorm(Discriminator(padding=2, norm="InstanceNorm"), exempt=EXEMPT))
"""

import functools

import flax.linen as nn
import jax
from flax.linen import avg_pool
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.roles import with_channels

FIELDS = (1, *(18 * 2**n - 2 for n in range(6)))  # 1, 16, 34, 70, 142, 286, 574
EXEMPT = ("Conv_0", "logit")  # of spectral normalisation, in the code of Park et al. 2019


class Discriminator(nn.Module):
    """Pictures to one logit for every patch of `field` x `field` pixels; what is given enters along
    the channels, as in `nets.Discriminator`.

    field: side of a patch, in pixels: 1, 16, 34, 70, 142, 286 or 574
    width: channels of the first layer; each further one doubles them, up to `8 * width`
    padding: zeros around every map: 1, or 2 as at several scales

    In the collection "intermediates" the last map before the logits is sown as "features", flat,
    and every map before the logits as "maps".
    """

    field: int = 70
    width: int = 64
    norm: str = "BatchNorm"
    dtype: str = "float32"
    padding: int = 1

    def __post_init__(self):
        if self.field not in FIELDS:
            raise ConfigError(
                f"patchgan.Discriminator(field={self.field}): patches are of "
                f"{', '.join(map(str, FIELDS))} pixels a side"
            )
        if self.padding not in (1, 2):
            raise ConfigError(f"patchgan.Discriminator(padding={self.padding}): give 1 or 2")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b i j"]:
        """Logits, float32. ConfigError for pictures too small for one patch's logit."""
        if self.padding == 1:  # with 2 any size leaves a logit
            _refuse_small(self.field, x.shape)
        kernel, pad = (1, 0) if self.field == 1 else (4, self.padding)
        conv = functools.partial(
            Conv,
            kernel_size=(kernel, kernel),
            padding=((pad, pad),) * 2,
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
            self.sow("intermediates", "maps", layers.examples(x))
        self.sow("intermediates", "features", layers.examples(x.reshape(len(x), -1)))
        return conv(1, name="logit")(x)[..., 0].astype("float32")


class MultiScale(nn.Module):
    """`critic`, several times with weights of its own: of the picture with what is given along its
    channels, then of both halved, once and again.
    """

    critic: nn.Module
    scales: int = 2

    def __post_init__(self):
        if self.scales < 1:
            raise ConfigError(f"patchgan.MultiScale(scales={self.scales}): give 1 or more")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b _ _"], ...]:
        """Logits of patches, a map for each scale, fine to coarse."""
        x, found = with_channels(x, cond), []
        for number in range(self.scales):
            x = halved(x) if number else x
            critic = self.critic.clone(parent=self, name=f"scale_{number}", _deep_clone=True)
            found.append(critic(x, None, train))
        return tuple(found)


def halved(x: Float[Array, "b h w c"]) -> Float[Array, "b i j c"]:
    """The means of 3x3 pixels around every other one, of those that there are."""
    around = ((1, 1), (1, 1))
    return avg_pool(x, (3, 3), (2, 2), around, count_include_pad=False)  # pyright: ignore[reportArgumentType]


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
