"""StarGAN's critic: where a picture comes from, patch by patch, and what its labels are (Choi et
al. 2018, arXiv:1711.09020, Appendix, Table 5).
"""

import functools
import math
from collections.abc import Mapping

import flax.linen as nn
import jax
from jax import Array
from jaxtyping import Float

from genlab.nets import layers
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv


class Discriminator(nn.Module):
    """4x4 convolutions of stride 2 without norms, then two heads: 3x3 to a logit of every position,
    and one over the whole map to the logits of each label.

    heads: classes by the label's column
    width: channels of the first layer; each further one doubles them
    depth: halvings, 6 for 128x128
    """

    heads: Mapping[str, int]
    width: int = 64
    depth: int = 6
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b i j"], dict[str, Float[Array, "b k"]]]:
        """(patch logits, logits by label), float32; `cond` and `train` are not used."""
        conv = functools.partial(Conv, kernel_init=layers.normal_02, dtype=self.dtype)
        for level in range(self.depth):
            x = conv(self.width * 2**level, (4, 4), strides=(2, 2))(x)
            x = jax.nn.leaky_relu(x, 0.01)
        source = conv(1, (3, 3), use_bias=False, name="source")(x)[..., 0]
        flat, names = x.reshape(len(x), math.prod(x.shape[1:])), sorted(self.heads)
        dense = functools.partial(nn.Dense, use_bias=False, kernel_init=layers.normal_02)
        labels = {n: dense(self.heads[n], name=f"head{i}")(flat) for i, n in enumerate(names)}
        return source.astype("float32"), {n: x.astype("float32") for n, x in labels.items()}
