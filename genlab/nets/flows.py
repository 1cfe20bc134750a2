"""Flows of a latent: invertible maps whose log-determinants are known, for posteriors that are no
diagonal Gaussians.

    Flow(z, cond, train) -> (z', log |det dz' / dz|)

Their parameters are the same for all examples; the Gaussian that they start from is the encoder's.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions

SMALLEST = 1e-3  # share of a bin, and slope, of a spline
UNIT_SLOPE = float(np.log(np.expm1(1 - SMALLEST)))  # with which a slope begins at 1
Latents = Float[Array, "*b z"]
Flowed = tuple[Latents, Float[Array, "*b"]]


class Planar(nn.Module):
    """`layers` times z + u tanh(w'z + b), with u changed so that w'u > -1 and the map is invertible
    (Rezende & Mohamed 2015, arXiv:1505.05770, Section 4.1).
    """

    layers: int = 8

    @nn.compact
    def __call__(self, z: Latents, cond: Conditions | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det, d = jnp.zeros(z.shape[:-1]), z.shape[-1]
        for layer in range(self.layers):
            w, u = (self.param(f"{n}{layer}", nn.initializers.normal(0.1), (d,)) for n in "wu")
            b = self.param(f"b{layer}", nn.initializers.zeros, ())
            along = w @ u
            u = u + (jax.nn.softplus(along) - 1 - along) * w / (w @ w + 1e-12)
            h = jnp.tanh(z @ w + b)
            log_det = log_det + jnp.log1p((1 - h**2) * (w @ u))
            z = z + h[..., None] * _row(u, z)
        return z, log_det


class Radial(nn.Module):
    """`layers` times z + beta (z - c) / (alpha + |z - c|), beta > -alpha (Rezende & Mohamed 2015,
    arXiv:1505.05770, Section 4.1).
    """

    layers: int = 8

    @nn.compact
    def __call__(self, z: Latents, cond: Conditions | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det, d = jnp.zeros(z.shape[:-1]), z.shape[-1]
        for layer in range(self.layers):
            centre = self.param(f"centre{layer}", nn.initializers.normal(1.0), (d,))
            sizes = self.param(f"sizes{layer}", nn.initializers.normal(0.1), (2,))
            alpha = jax.nn.softplus(sizes[0])
            beta = jax.nn.softplus(sizes[1]) - alpha
            away = z - _row(centre, z)
            r = jnp.sqrt((away**2).sum(axis=-1) + 1e-12)
            h = beta / (alpha + r)
            turned = jnp.log1p(h - h * r / (alpha + r))  # 1 + beta h + beta h' r, h' = -h^2
            log_det = log_det + (d - 1) * jnp.log1p(h) + turned
            z = z + h[..., None] * away
        return z, log_det


class InverseAutoregressive(nn.Module):
    """`layers` times s z + (1 - s) m, where m and s = sigmoid of a masked network look, for each
    number, at those before it alone; the order is turned round between layers (Kingma et al. 2016,
    arXiv:1606.04934, Algorithm 1; masks of Germain et al. 2015, arXiv:1502.03509). Begins with s =
    sigmoid(2), near the identity.
    """

    layers: int = 2
    width: int = 64

    @nn.compact
    def __call__(self, z: Latents, cond: Conditions | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det = jnp.zeros(z.shape[:-1])
        for layer in range(self.layers):
            mean, gate = jnp.split(_Masked(self.width, name=f"layer{layer}")(z), 2, axis=-1)
            s = jax.nn.sigmoid(gate + 2)
            z = (s * z + (1 - s) * mean)[..., ::-1]
            log_det = log_det + jax.nn.log_sigmoid(gate + 2).sum(axis=-1)
        return z, log_det


class Spline(nn.Module):
    """`layers` couplings: half of the numbers go through monotonic rational-quadratic splines of
    `bins` pieces on [-bound, bound], whose knots are a network's of the other half; outside they
    stay. The order is turned round between layers (Durkan et al. 2019, arXiv:1906.04032;
    widths, heights and slopes of at least 1e-3). Begins near the identity.
    """

    layers: int = 4
    width: int = 64
    bins: int = 8
    bound: float = 4.0

    @nn.compact
    def __call__(self, z: Latents, cond: Conditions | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32. ConfigError for a latent of one number."""
        if z.shape[-1] < 2:
            raise ConfigError(
                "a spline is a coupling of two numbers or more: give a latent of more than one, or "
                "flows.Planar"
            )
        log_det, half = jnp.zeros(z.shape[:-1]), z.shape[-1] // 2
        for layer in range(self.layers):
            given, moved = z[..., :half], z[..., half:]
            h = jnp.tanh(nn.Dense(self.width, name=f"hidden{layer}")(given))
            knots = nn.Dense(
                moved.shape[-1] * (3 * self.bins - 1),
                kernel_init=nn.initializers.normal(0.01),
                name=f"knots{layer}",
            )(h)
            moved, log_slope = _spline(moved, knots.reshape(*moved.shape, -1), self.bound)
            log_det = log_det + log_slope.sum(axis=-1)
            z = jnp.concatenate([given, moved], axis=-1)[..., ::-1]
        return z, log_det


def _spline(
    x: Float[Array, "*b"], knots: Float[Array, "*b numbers"], bound: float
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """(y, log dy / dx) of a rational-quadratic spline for each x."""
    bins = (knots.shape[-1] + 1) // 3
    shares = [SMALLEST + (1 - SMALLEST * bins) * jax.nn.softmax(part) for part in (
        knots[..., :bins], knots[..., bins : 2 * bins]
    )]  # fmt: skip
    inner = SMALLEST + jax.nn.softplus(knots[..., 2 * bins :] + UNIT_SLOPE)
    slopes = jnp.pad(inner, [(0, 0)] * x.ndim + [(1, 1)], constant_values=1.0)
    ends = [jnp.cumsum(part, axis=-1) * 2 * bound - bound for part in shares]
    clipped = jnp.clip(x, -bound, bound)[..., None]
    at = (clipped >= ends[0][..., :-1]).sum(axis=-1, keepdims=True)
    pick = lambda of, at: jnp.take_along_axis(of, at, axis=-1)[..., 0]  # noqa: E731
    wide, high = (2 * bound * pick(part, at) for part in shares)
    left, low = (pick(end, at) - size for end, size in zip(ends, (wide, high), strict=True))
    here, there, mean = pick(slopes, at), pick(slopes, at + 1), high / wide
    t = (clipped[..., 0] - left) / wide
    bottom = mean + (here + there - 2 * mean) * t * (1 - t)
    y = low + high * (mean * t**2 + here * t * (1 - t)) / bottom
    top = there * t**2 + 2 * mean * t * (1 - t) + here * (1 - t) ** 2
    log_slope = 2 * jnp.log(mean) + jnp.log(top) - 2 * jnp.log(bottom)
    inside = jnp.abs(x) < bound
    return jnp.where(inside, y, x), jnp.where(inside, log_slope, 0.0)


class _Masked(nn.Module):
    """MADE: two numbers for each of z, functions of those before it."""

    width: int

    @nn.compact
    def __call__(self, z: Latents) -> Float[Array, "*b two_z"]:
        d = z.shape[-1]
        before, hidden = np.arange(1, d + 1), np.arange(self.width) % max(d - 1, 1) + 1
        h = jnp.tanh(self._dense("in", z, hidden[None] >= before[:, None]))
        out = np.tile(before, 2)
        return self._dense("out", h, out[None] > hidden[:, None])

    def _dense(self, name: str, x: Array, mask: np.ndarray) -> Array:
        kernel = self.param(f"{name}_kernel", nn.initializers.lecun_normal(), mask.shape)
        bias = self.param(f"{name}_bias", nn.initializers.zeros, mask.shape[1:])
        made = x @ (kernel * mask)
        return made + _row(bias, made)


def _row(vector: Float[Array, " d"], like: Float[Array, "*b d"]) -> Float[Array, "... d"]:
    """A vector with as many axes as `like`."""
    return vector.reshape((1,) * (like.ndim - 1) + (-1,))
