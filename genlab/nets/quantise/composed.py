"""Quantisers made of quantisers: several maps of codes, each given those before it."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.nets.kernels.convolution import Conv
from genlab.nets.quantise.contract import Codes, Quantised, Vectors, straight_through
from genlab.schedules import Weight


class Residual(nn.Module):
    """What the first of `parts` leaves of z goes to the second, and so on; the vectors add up
    (Zeghidour et al. 2021, arXiv:2107.03312, Algorithm 1).

    What is left is taken of the quantised vectors as constants, and the gradient passes once, from
    the sum: with a pass in each part, all commitments but the first would have none, or the encoder
    would get as many gradients as there are parts.
    """

    parts: tuple[nn.Module, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The parts', one after another."""
        return sum((part.sizes for part in self.parts), ())

    @property
    def weights(self) -> dict[str, Weight]:
        """Of the losses' sums over the parts; those of the first part that has the loss."""
        return {n: w for part in reversed(self.parts) for n, w in part.weights.items()}

    @nn.compact
    def __call__(self, z: Vectors, cond: Conditions | None = None, train: bool = True) -> Quantised:
        """ConfigError where there is no part."""
        if not self.parts:
            raise ConfigError(
                "a Residual quantiser without parts: give it some, parts=(spec(...),)"
            )
        left, total, codes, losses = z, jnp.zeros_like(z), (), {}
        for part in self.parts:
            found = part(left, cond, train)
            q = lax.stop_gradient(found.z)
            left, total, codes = left - q, total + q, codes + found.codes
            losses = _added(losses, found.losses)
        return Quantised(straight_through(z, total), codes, losses)

    def lookup(self, codes: Codes) -> Vectors:
        """The sum of the vectors of codes."""
        found = []
        for part in self.parts:
            own, codes = codes[: len(part.sizes)], codes[len(part.sizes) :]
            found.append(part.lookup(own))
        return sum(found[1:], found[0])


class Hierarchical(nn.Module):
    """Two resolutions: `down` makes a coarse map of z, which `top` quantises; `up` brings it back,
    and z and it together are quantised by `bottom`. The decoder is given both, side by side
    (Razavi et al. 2019, arXiv:1906.00446, Figure 2a). `top` may be Hierarchical itself.

    down, up: trunks of maps, called `(x, cond, train)`
    channels: of what either of them quantises
    """

    down: nn.Module
    up: nn.Module
    top: nn.Module
    bottom: nn.Module
    channels: int = 64

    @property
    def sizes(self) -> tuple[int, ...]:
        """Those of `top`, then of `bottom`."""
        return (*self.top.sizes, *self.bottom.sizes)

    @property
    def weights(self) -> dict[str, Weight]:
        """Of the losses' sums over both; those of `bottom` where both have the loss."""
        return {**self.top.weights, **self.bottom.weights}

    def setup(self):
        """The 1x1 convolutions before either quantiser."""
        self.into_top, self.into_bottom = (Conv(self.channels, (1, 1)) for _ in range(2))

    def __call__(
        self, z: Float[Array, "b h w c"], cond: Conditions | None = None, train: bool = True
    ) -> Quantised:
        """ConfigError where `up` does not undo what `down` did to the size."""
        top = self.top(self.into_top(self.down(z, cond, train)), cond, train)
        coarse = self._raised(top.z, cond, train)
        if coarse.shape[1:3] != z.shape[1:3]:
            raise ConfigError(
                f"Hierarchical.up makes {coarse.shape[1]}x{coarse.shape[2]} of the coarse map of "
                f"{z.shape[1]}x{z.shape[2]}: let it double as often as `down` halves"
            )
        fine = self.bottom(self.into_bottom(jnp.concatenate([coarse, z], -1)), cond, train)
        both = jnp.concatenate([coarse, fine.z], -1)
        return Quantised(both, top.codes + fine.codes, _added(top.losses, fine.losses))

    def lookup(self, codes: Codes) -> Vectors:
        """Both maps side by side."""
        n = len(self.top.sizes)
        coarse = self._raised(self.top.lookup(codes[:n]), None, False)
        return jnp.concatenate([coarse, self.bottom.lookup(codes[n:])], -1)

    def _raised(self, top: Array, cond: Conditions | None, train: bool) -> Array:
        return self.up(top, cond, train)


def _added(a: dict, b: dict) -> dict:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}
