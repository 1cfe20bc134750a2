"""Flows of a latent: invertible maps whose log-determinants are known, for posteriors that are no
diagonal Gaussians and for priors.

    Flow(z, context, train) -> (z', log |det dz' / dz|)

Their parameters are the same for all examples, and the Gaussian that they start from is the
encoder's; with `context` = c above 0 they are functions of c more numbers of the encoder's too
(amortised flows: Rezende & Mohamed 2015, arXiv:1505.05770). Those with `inverse` can
be a prior (`nets.priors.Flow`).
"""

from collections.abc import Callable
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, above_zero, one_or_more
from genlab.nets import splines

Latents = Float[Array, "*b z"]
Context = Float[Array, "*b c"]
Flowed = tuple[Latents, Float[Array, "*b"]]


class Planar(nn.Module):
    """`layers` times z + u tanh(w'z + b), with u changed so that w'u > -1 and the map is invertible
    (Rezende & Mohamed 2015, arXiv:1505.05770, Section 4.1).
    """

    layers: int = 8
    context: int = 0

    @nn.compact
    def __call__(self, z: Latents, context: Context | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det, d = jnp.zeros(z.shape[:-1]), z.shape[-1]
        one_or_more(layers=self.layers)
        more = _amortised(self, context, (2 * d + 1) * self.layers, z)
        for layer in range(self.layers):
            w, u = (self.param(f"{n}{layer}", nn.initializers.normal(0.1), (d,)) for n in "wu")
            b = self.param(f"b{layer}", nn.initializers.zeros, ())
            if more is not None:
                own = more[..., (2 * d + 1) * layer : (2 * d + 1) * (layer + 1)]
                w, u = _row(w, own) + own[..., :d], _row(u, own) + own[..., d:-1]
                b = b + own[..., -1]
            along = (w * u).sum(axis=-1, keepdims=True)
            size = (w * w).sum(axis=-1, keepdims=True) + 1e-12
            u = u + (jax.nn.softplus(along) - 1 - along) * w / size
            h = jnp.tanh((z * _row(w, z)).sum(axis=-1) + b)
            log_det = log_det + jnp.log1p((1 - h**2) * (w * u).sum(axis=-1))
            z = z + h[..., None] * _row(u, z)
        return z, log_det


class Radial(nn.Module):
    """`layers` times z + beta (z - c) / (alpha + |z - c|), beta > -alpha (Rezende & Mohamed 2015,
    arXiv:1505.05770, Section 4.1).
    """

    layers: int = 8
    context: int = 0

    @nn.compact
    def __call__(self, z: Latents, context: Context | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det, d = jnp.zeros(z.shape[:-1]), z.shape[-1]
        one_or_more(layers=self.layers)
        more = _amortised(self, context, (d + 2) * self.layers, z)
        for layer in range(self.layers):
            centre = self.param(f"centre{layer}", nn.initializers.normal(1.0), (d,))
            sizes = self.param(f"sizes{layer}", nn.initializers.normal(0.1), (2,))
            if more is not None:
                own = more[..., (d + 2) * layer : (d + 2) * (layer + 1)]
                centre, sizes = _row(centre, own) + own[..., :d], _row(sizes, own) + own[..., d:]
            alpha = jax.nn.softplus(sizes[..., 0])
            beta = jax.nn.softplus(sizes[..., 1]) - alpha
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
    sigmoid(2), near the identity. Its inverse takes as many passes as a latent has numbers: as a
    prior this is the masked autoregressive flow of Papamakarios et al. 2017 (arXiv:1705.07057),
    whose density takes one pass.
    """

    layers: int = 2
    width: int = 64
    context: int = 0

    def __call__(self, z: Latents, context: Context | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        log_det = jnp.zeros(z.shape[:-1])
        for masked in self._masked():
            mean, gate = jnp.split(masked(z, context), 2, axis=-1)
            s = jax.nn.sigmoid(gate + 2)
            z = (s * z + (1 - s) * mean)[..., ::-1]
            log_det = log_det + jax.nn.log_sigmoid(gate + 2).sum(axis=-1)
        return z, log_det

    def inverse(self, z: Latents, context: Context | None = None) -> Latents:
        """The z of a z'."""
        for masked in reversed(self._masked()):
            wanted = z[..., ::-1]
            z = wanted
            for _ in range(z.shape[-1]):  # each pass makes one number more right
                mean, gate = jnp.split(masked(z, context), 2, axis=-1)
                s = jax.nn.sigmoid(gate + 2)
                z = (wanted - (1 - s) * mean) / s
        return z

    @nn.compact
    def _masked(self) -> list[nn.Module]:
        one_or_more(layers=self.layers, width=self.width)
        return [_Masked(self.width, name=f"layer{layer}") for layer in range(self.layers)]


class Inverse(nn.Module):
    """A flow with an inverse, the other way round: as a prior `Inverse(InverseAutoregressive())` is
    drawn from in one pass, and its density takes as many as a latent has numbers (the trade of an
    inverse autoregressive flow for a masked one: Papamakarios et al. 2017, arXiv:1705.07057).
    """

    flow: nn.Module

    def __post_init__(self):
        if not hasattr(self.flow, "inverse"):
            raise ConfigError(
                f"Inverse.flow is {type(self.flow).__name__}, which has no inverse: give "
                "flows.Spline or flows.InverseAutoregressive"
            )
        super().__post_init__()

    @property
    def context(self) -> int:
        """That of the flow."""
        return self.flow.context

    def __call__(self, z: Latents, context: Context | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32."""
        back = self.flow.inverse(z, context)
        return back, -self.flow(back, context, train)[1]

    def inverse(self, z: Latents, context: Context | None = None) -> Latents:
        """The z of a z'."""
        return self.flow(z, context)[0]


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
    context: int = 0

    def __call__(self, z: Latents, context: Context | None = None, train: bool = True) -> Flowed:
        """(z', log-determinant), float32. ConfigError for a latent of one number."""
        log_det = jnp.zeros(z.shape[:-1])
        for knots in self._couplings(z.shape[-1]):
            given, moved = jnp.split(z, [z.shape[-1] // 2], axis=-1)
            moved, log_slope = splines.bent(moved, knots(given, context), self.bound)
            log_det = log_det + log_slope.sum(axis=-1)
            z = jnp.concatenate([given, moved], axis=-1)[..., ::-1]
        return z, log_det

    def inverse(self, z: Latents, context: Context | None = None) -> Latents:
        """The z of a z'."""
        for knots in reversed(self._couplings(z.shape[-1])):
            given, moved = jnp.split(z[..., ::-1], [z.shape[-1] // 2], axis=-1)
            moved = splines.unbent(moved, knots(given, context), self.bound)
            z = jnp.concatenate([given, moved], axis=-1)
        return z

    @nn.compact
    def _couplings(self, d: int) -> list[Callable]:
        """For each layer the knots of what is moved, of what is given."""
        if d < 2:
            raise ConfigError(
                "a spline is a coupling of two numbers or more: give a latent of more than one, or "
                "flows.Planar"
            )
        one_or_more(layers=self.layers, width=self.width, bins=self.bins)
        above_zero(bound=self.bound)
        return [self._coupling(layer, d - d // 2) for layer in range(self.layers)]

    def _coupling(self, layer: int, moved: int) -> Callable:
        hidden = nn.Dense(self.width, name=f"hidden{layer}")
        out = nn.Dense(
            moved * (3 * self.bins - 1),
            kernel_init=nn.initializers.normal(0.01),
            name=f"knots{layer}",
        )

        def knots(given: Latents, context: Context | None) -> Float[Array, "*b m numbers"]:
            seen = given if context is None else jnp.concatenate(
                [given, _spread(context, given)], axis=-1
            )  # fmt: skip
            return out(jnp.tanh(hidden(seen))).reshape(*given.shape[:-1], moved, -1)

        return knots


class Hamiltonian(nn.Module):
    """`steps` leapfrog steps towards the true posterior, along the gradient of log p(x, z), with
    learned step sizes up to `largest` for each number and momenta that are tempered from the
    learned beta_0 to 1: the Hamiltonian VAE (Caterini et al. 2018, arXiv:1805.11328, with
    quadratic tempering). `stride` and `beta_zero` are step size and beta_0 where they are not
    learned.

    It is given `target`, z -> log p(x, z) of each row, and draws momenta from the key "dropout";
    log q with its second result is that of a bound, whose weights p(x, z) / q have the mean p(x).
    """

    steps: int = 3
    largest: float = 0.5
    stride: float | None = None
    beta_zero: float | None = None
    of_target: ClassVar[bool] = True

    @nn.compact
    def __call__(
        self, z: Latents, context: Context | None = None, train: bool = True, target=None
    ) -> Flowed:
        """(z', log N(momentum') - log N(momentum)), float32."""
        one_or_more(steps=self.steps)
        given = {"stride": self.stride, "beta_zero": self.beta_zero}
        above_zero(largest=self.largest, **{k: v for k, v in given.items() if v is not None})
        size, root = self._sizes(z.shape[-1]), self._root()
        if target is None:
            return z, jnp.zeros(z.shape[:-1])  # when parameters are made
        slope = jax.grad(lambda z: target(z).sum())
        start = jax.random.normal(self.make_rng("dropout"), z.shape)
        momentum, before, size = start / root, root, _row(size, z)
        for step in range(1, self.steps + 1):
            momentum = momentum + 0.5 * size * slope(z)
            z = z + size * momentum
            momentum = momentum + 0.5 * size * slope(z)
            after = 1 / ((1 - 1 / root) * (step / self.steps) ** 2 + 1 / root)
            momentum, before = momentum * before / after, after
        return z, 0.5 * (start**2 - momentum**2).sum(axis=-1)

    def _sizes(self, d: int) -> Float[Array, " z"]:
        if self.stride is not None:
            return jnp.full(d, self.stride)
        start = nn.initializers.constant(-2.0)
        return self.largest * jax.nn.sigmoid(self.param("size", start, (d,)))

    def _root(self) -> Float[Array, ""]:
        """The root of beta_0."""
        if self.beta_zero is not None:
            return jnp.sqrt(self.beta_zero)
        return jax.nn.sigmoid(self.param("root", nn.initializers.constant(2.0), ()))


class _Masked(nn.Module):
    """MADE: two numbers for each of z, functions of those before it."""

    width: int

    @nn.compact
    def __call__(self, z: Latents, context: Context | None = None) -> Float[Array, "*b two_z"]:
        d = z.shape[-1]
        before, hidden = np.arange(1, d + 1), np.arange(self.width) % max(d - 1, 1) + 1
        seen = self._dense("in", z, hidden[None] >= before[:, None])
        if context is not None:
            seen = seen + _spread(nn.Dense(self.width, use_bias=False, name="context")(context), z)
        h = jnp.tanh(seen)
        out = np.tile(before, 2)
        return self._dense("out", h, out[None] > hidden[:, None])

    def _dense(self, name: str, x: Array, mask: np.ndarray) -> Array:
        kernel = self.param(f"{name}_kernel", nn.initializers.lecun_normal(), mask.shape)
        bias = self.param(f"{name}_bias", nn.initializers.zeros, mask.shape[1:])
        made = x @ (kernel * mask)
        return made + _row(bias, made)


def _amortised(flow: Planar | Radial, context: Context | None, numbers: int, z: Latents):
    """Parameters of each example, to be added to those of all: small at first."""
    if context is None:
        return None
    small = nn.initializers.normal(0.01)
    return _spread(
        nn.Dense(numbers, use_bias=False, kernel_init=small, name="amortised")(context), z
    )


def _spread(context: Context, z: Latents) -> Context:
    """With the leading axes of `z`: the same for every latent of an example."""
    wide = context.reshape(len(context), *(1,) * (z.ndim - context.ndim), *context.shape[1:])
    return jnp.broadcast_to(wide, (*z.shape[:-1], context.shape[-1]))


def _row(vector: Float[Array, "*v d"], like: Float[Array, "*b d"]) -> Float[Array, "... d"]:
    """A vector with as many axes as `like`."""
    return vector.reshape((1,) * (like.ndim - vector.ndim) + vector.shape)
