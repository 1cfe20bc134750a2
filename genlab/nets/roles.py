"""The five contracts, written once: a role wraps a trunk of any family and adds what the role
demands.

    Generator(z, cond, train)     -> images in [-1, 1], "b *shape"
    Discriminator(x, cond, train) -> logits, " b"
    Encoder(x, cond, train)       -> (mean, log-variance), each "b z", or "b numbers"
    Decoder(z, cond, train)       -> distribution parameters, "b *shape"
    Translator(z, cond, train)    -> of the pictures given, the picture wanted, "b h w c"

A trunk up maps latents "b z" to examples "b *shape", a trunk down examples to features "b d", a
trunk across pictures "b h w c" to pictures, all called `(x, cond, train)`. `cond` is a mapping of
the columns given (`nets.conditions`), None for none: a role embeds labels and numbers (Mirza &
Osindero 2014, arXiv:1411.1784), and a trunk's conditional norms get them too. A picture that is
given is one more input of a critic or an encoder, along the channels, and what a translator
translates; a generator or a decoder sees it through `look`, a trunk down. `kernel_init` initialises
a role's own kernels (`layers.initialiser`). More critics with a Discriminator's contract are in
`heads`, one for patches in `patchgan`.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError, choices
from genlab.nets import layers
from genlab.nets.conditions import Conditions, pictures, vector
from genlab.nets.layers.embedding import Embedding

WAYS = ("planes", "norms", "dropout")
LATENT = "z, the latent"  # the latent among the columns that norms are given; no column's name


class Generator(nn.Module):
    """Latents to images in [-1, 1] by a final tanh; or to unbounded points with
    `bounded=False`.

    embed: features of labels and numbers concatenated with the latent; 0 where only the trunk, by
           its norms or an embedding of its own, is given them
    look:  a trunk down through which given pictures are seen, its features beside the latent
    modulated: whether the trunk's conditional norms are a function of the latent too
           (self-modulation: Chen et al. 2019, arXiv:1810.01365; linear in it here)

    With a style-based trunk it has that trunk's `mapping` and `synthesis`.
    """

    trunk: nn.Module
    embed: int = 32
    bounded: bool = True
    look: nn.Module | None = None
    modulated: bool = False

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape"]:
        """Images, float32."""
        to_norms = {**(cond or {}), LATENT: z} if self.modulated else cond
        return self._image(self.trunk(_with_given(self, z, cond, train), to_norms, train))

    def mapping(self, z: Float[Array, "b z"], cond: Conditions | None = None) -> Array:
        """Styles of latents, of a style-based trunk (`nets.style`)."""
        return self.trunk.mapping(z, cond)

    def synthesis(
        self, w: Float[Array, "b *layers w"], *noise: Float[Array, "b numbers"]
    ) -> Float[Array, " b *shape"]:
        """Images of styles, and of noise maps in a row where the trunk has them, float32."""
        return self._image(self.trunk.synthesis(w, *noise))

    def _image(self, x: Float[Array, " b *shape"]) -> Float[Array, " b *shape"]:
        x = x.astype(jnp.float32)
        return jnp.tanh(x) if self.bounded else x


class Discriminator(nn.Module):
    """Images to one logit each, unbounded; labels and numbers enter as one more image channel,
    linear in them, pictures as channels of their own.

    What its trunk gives is sown as "features" in the collection "intermediates".
    """

    trunk: nn.Module
    kernel_init: str | Callable | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b"]:
        """Logits, float32."""
        features = self.trunk(with_channels(x, cond), cond, train).astype(jnp.float32)
        self.sow("intermediates", "features", layers.examples(features))
        return dense(self, 1, "logit")(features)[:, 0]


class Encoder(nn.Module):
    """Images to the mean and log-variance of a Gaussian over the latent; with `numbers` to so many
    numbers of another posterior (`losses.posterior`), or of a flow's context too.
    """

    trunk: nn.Module
    latent: int
    kernel_init: str | Callable | None = None
    numbers: int = 0

    @nn.compact
    def __call__(
        self, x: Float[Array, " b *shape"], cond: Conditions | None = None, train: bool = True
    ) -> tuple[Float[Array, "b z"], Float[Array, "b z"]] | Float[Array, "b numbers"]:
        """(mean, log-variance) or the numbers, float32."""
        features = self.trunk(with_channels(x, cond), cond, train).astype(jnp.float32)
        if self.numbers:
            return dense(self, self.numbers, "posterior")(features)
        posterior = dense(self, 2 * self.latent, "posterior")(features)
        mean, log_variance = jnp.split(posterior, 2, axis=-1)
        return mean, log_variance


class Decoder(nn.Module):
    """Latents to the parameters of p(x | z): `shape` of the trunk has as many channels as the
    likelihood needs. `embed` and `look` as in `Generator`.
    """

    trunk: nn.Module
    embed: int = 32
    look: nn.Module | None = None

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, " b *shape"]:
        """Distribution parameters, float32."""
        return self.trunk(_with_given(self, z, cond, train), cond, train).astype(jnp.float32)

    def mapping(self, z: Float[Array, "b z"], cond: Conditions | None = None) -> Array:
        """Styles of latents, of a style-based trunk (`nets.style`)."""
        return self.trunk.mapping(z, cond)

    def synthesis(
        self, w: Float[Array, "b *layers w"], *noise: Float[Array, "b numbers"]
    ) -> Float[Array, " b *shape"]:
        """Distribution parameters of styles, and of noise maps if the trunk has them, float32."""
        return self.trunk.synthesis(w, *noise).astype(jnp.float32)


class Translator(nn.Module):
    """Pictures that are given to the picture wanted, in [-1, 1] by a final tanh; or unbounded with
    `bounded=False`. Labels and numbers given are further channels of the input, the same at every
    position (Choi et al. 2018, arXiv:1711.09020, Figure 3).

    trunk: a trunk across
    z_as:  how the latent enters, where it has a width: "planes", as labels do (Zhu et al. 2017,
           arXiv:1711.11586, Section 4); "norms", through the trunk's conditional norms; "dropout",
           as the seed of the trunk's dropout, in training and out of it (Isola et al. 2017,
           arXiv:1611.07004, Section 3.1)
    """

    trunk: nn.Module
    bounded: bool = True
    z_as: str = "planes"

    def __post_init__(self):
        if self.z_as not in WAYS:
            raise ConfigError(f"Translator.z_as is {self.z_as!r}{choices(self.z_as, WAYS)}")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"] | None, cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b h w c"]:
        """Pictures, float32; `z` is None, or of width 0, for a translator without latent."""
        x = pictures(cond)
        if x is None:
            raise ConfigError(
                f"Translator is given {', '.join(sorted(cond or {})) or 'nothing'}, and no picture "
                'to translate: name its column in the method\'s `given`, as given=("edges",)'
            )
        z = None if z is None or not z.shape[-1] else z
        flat = [vector(cond), z if self.z_as == "planes" else None]
        planes = [
            jnp.broadcast_to(value[:, None, None], (*x.shape[:3], value.shape[-1]))
            for value in flat
            if value is not None
        ]
        entering = dict(cond or {})
        if z is not None and self.z_as == "norms":
            entering[LATENT] = z
        if z is not None and self.z_as == "dropout":
            entering[layers.SEED] = layers.seeds(z)
        made = self.trunk(jnp.concatenate([x, *planes], axis=-1), entering, train)
        made = made.astype(jnp.float32)
        return jnp.tanh(made) if self.bounded else made


def styled(net: Any) -> bool:
    """Whether a network has `mapping` and `synthesis`, and so has its trunk, if there is one."""
    parts = [net, *([net.trunk] if hasattr(net, "trunk") else [])]
    return all(hasattr(part, "mapping") and hasattr(part, "synthesis") for part in parts)


def dense(role: Any, width: int, name: str) -> nn.Dense:
    """A role's own linear layer, in float32, with the role's initialiser."""
    return nn.Dense(width, kernel_init=layers.initialiser(role.kernel_init), name=name)


def with_channels(
    x: Float[Array, " b *shape c"], cond: Conditions | None
) -> Float[Array, " b *shape d"]:
    """`x` and what is given as further channels: labels and numbers as one, linear in them (for
    points as many features again), pictures as their own.

    Raises ConfigError for pictures of another size than `x`.
    """
    given, seen, found = vector(cond), pictures(cond), [x]
    if given is not None:
        area = x.shape[1:-1] if x.ndim == 4 else x.shape[1:]
        learned = Embedding(math.prod(area), name="label")(given)
        found.append(learned.reshape(-1, *area, *(1,) * (x.ndim - 1 - len(area))))
    if seen is not None:
        if x.ndim != 4 or seen.shape[1:3] != x.shape[1:3]:
            raise ConfigError(
                f"the given pictures are {seen.shape[1]}x{seen.shape[2]}, the examples are of "
                f"shape {x.shape[1:]}: bring the data to one size"
            )
        found.append(seen)
    return jnp.concatenate(found, axis=-1) if len(found) > 1 else x


def _with_given(
    role: Generator | Decoder, z: Float[Array, "b z"], cond: Conditions | None, train: bool
) -> Float[Array, "b d"]:
    given, seen, found = vector(cond), pictures(cond), [z]
    if role.look is not None and not callable(role.look):
        raise ConfigError(f"look is {role.look!r}; give the spec of a trunk down: spec(mlp.Down)")
    if given is not None and role.embed:
        if styled(role.trunk):
            raise ConfigError(
                f"{type(role).__name__}(embed={role.embed}) over a style-based trunk, which embeds "
                "what is given by itself: set embed=0"
            )
        found.append(Embedding(role.embed, name="label")(given))
    if seen is not None:
        if role.look is None:
            raise ConfigError(
                f"{type(role).__name__} is given a picture and has nothing to see it with: set "
                "look=spec(mlp.Down) or another trunk down"
            )
        found.append(role.look(seen, None, train).astype(z.dtype))
    return jnp.concatenate(found, axis=-1) if len(found) > 1 else z
