"""Halving and doubling of images by blocks of 2x2, fast on CPU under any derivative.

Each is the other's derivative but for a factor, and on CPU XLA's own derivative of a repetition, as
its sum over axes apart, takes up to seven times as long as adding whole rows
(`benchmarks/convolution.py`). So the two are primitives, which stay themselves under
differentiation; elsewhere XLA's own sum is taken.
"""

import jax.numpy as jnp
from jax import Array
from jax.interpreters import ad, batching
from jaxtyping import Float

from genlab.nets.kernels.primitive import more_images, primitive


def upsample(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Nearest-neighbour doubling."""
    return _repeat.bind(x)


def mean_pool(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    """Mean over 2x2; h and w even."""
    return _add.bind(x) / 4


def repeated(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Every pixel as a block of 2x2."""
    b, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def added(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    """Sums over 2x2; h and w even."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).sum((2, 4))


def added_cpu(x: Float[Array, "b h w c"]) -> Float[Array, "b h/2 w/2 c"]:
    """The same: rows first, whole; then the two columns, which lie side by side."""
    b, h, w, c = x.shape
    wide = x.reshape(b, h // 2, 2, w // 2, 2 * c).astype(jnp.promote_types(x.dtype, jnp.float32))
    rows = wide[:, :, 0] + wide[:, :, 1]
    return (rows[..., :c] + rows[..., c:]).astype(x.dtype)


_repeat = primitive("repeat", repeated, repeated)
_add = primitive("add", added, added_cpu)
ad.deflinear2(_repeat, lambda y, _: [_add.bind(y)])
ad.deflinear2(_add, lambda y, _: [_repeat.bind(y)])
for _made in (_repeat, _add):
    batching.primitive_batchers[_made] = lambda xs, axes, made=_made: more_images(
        made, xs[0], axes[0]
    )
