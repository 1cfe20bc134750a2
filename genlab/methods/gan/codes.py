"""Latents with codes, which a critic's heads learn to recognise: InfoGAN (Chen et al. 2016,
arXiv:1606.03657, Section 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError
from genlab.game.abilities import Code

DISCRETE, CONTINUOUS = 0x0D, 0x0C  # streams of randomness under that of the latents


@dataclass(frozen=True)
class Codes:
    """The prior of z = (noise, codes): noise of N(0, I); each discrete code one of K, one-hot, all
    equally likely; each continuous code a number of U[-1, 1]. The paper's on MNIST is
    `Codes(62, discrete=(10,), continuous=2)`.

    Codes are called code0, code1, ..., the discrete ones first. To be a GAN's `latent`; its critic
    is a `heads.ConditionalDiscriminator` with a head for each, counted on samples:
    `spec(heads.Classifier, "code0", on=("samples",))`, `spec(heads.Regression, "code1", ...)`.
    """

    noise: int
    discrete: tuple[int, ...] = ()
    continuous: int = 0

    def __post_init__(self):
        if self.noise < 0 or self.continuous < 0 or any(k < 2 for k in self.discrete):
            raise ConfigError(
                f"{self}: counts are 0 or more, and a discrete code has at least 2 values"
            )

    @property
    def size(self) -> int:
        """Numbers in z."""
        return self.noise + sum(self.discrete) + self.continuous

    @property
    def codes(self) -> dict[str, Code]:
        """Where each code lies in z, by name."""
        found, start = {}, self.noise
        for width in (*self.discrete, *(1,) * self.continuous):
            discrete = len(found) < len(self.discrete)
            found[f"code{len(found)}"] = Code(slice(start, start + width), discrete)
            start += width
        return found

    def sample(self, key: Array, n: int) -> Array:
        """`n` of z, [n, size]."""
        parts = [random.normal(key, (n, self.noise))]
        for number, k in enumerate(self.discrete):
            own = random.fold_in(random.fold_in(key, DISCRETE), number)
            parts.append(jax.nn.one_hot(random.randint(own, (n,), 0, k), k))
        if self.continuous:
            own = random.fold_in(key, CONTINUOUS)
            parts.append(random.uniform(own, (n, self.continuous), minval=-1.0))
        return jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

    def of(self, z: Array) -> dict[str, Array]:
        """The codes in z, by name."""
        return {name: z[:, code.at] for name, code in self.codes.items()}


def prior(latent: int | Codes) -> Codes:
    """The prior that a GAN's `latent` stands for; a number is that of N(0, I)."""
    return latent if isinstance(latent, Codes) else Codes(latent)


def recognised(net: Any) -> dict[str, bool]:
    """The columns that a critic's heads are of, and whether each takes labels."""
    heads = getattr(_inner(net), "heads", ())
    return {head.column: head.labels for head in heads if hasattr(head, "labels")}


def fit(gan: Any, as_it_is: Callable) -> None:
    """ConfigError for codes that the critic does not recognise, or that other parts change."""
    wanted, heads = gan.prior.codes, recognised(gan.discriminator)
    for name, code in wanted.items():
        if heads.get(name) is not code.discrete:
            kind = "Classifier" if code.discrete else "Regression"
            raise ConfigError(
                f"no head of the discriminator recognises {name!r} of the latent's codes: use "
                f"ConditionalDiscriminator with spec(heads.{kind}, {name!r}, on=('samples',)) "
                "among its heads"
            )
        if name in _entering(gan.discriminator):
            raise ConfigError(
                f"the discriminator is given {name!r}, which only samples have: it would tell them "
                "from data by it; leave the code out of project and concatenate"
            )
    if wanted and any(option.latents is not as_it_is for option in gan.options):
        raise ConfigError("options: one changes latents, and with them codes: leave either out")


def _inner(net: Any) -> Any:
    """The network in any wrappers."""
    while hasattr(net, "net"):
        net = net.net
    return net


def _entering(net: Any) -> tuple[str, ...]:
    """The columns by which a critic judges the source."""
    return (*getattr(_inner(net), "project", ()), *getattr(_inner(net), "concatenate", ()))
