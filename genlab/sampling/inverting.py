"""How a trained model is inverted where nobody says otherwise."""

import dataclasses

from jax import Array, random

from genlab.config import ConfigError
from genlab.editing import noise
from genlab.editing.inversion import Optimisation
from genlab.editing.spaces import noise_sizes
from genlab.game import Method

W = Optimisation(starts=1, explore=0.05)  # StyleGAN2's projector, but for its 1000 steps
Z = Optimisation(prior=1e-3)
NOISE = 83  # stream of randomness: noise maps that inversion begins from


def usual(method: Method, space: str) -> Optimisation:
    """In w with the generator's noise maps, if it has any."""
    if space != "w":
        return Z
    return dataclasses.replace(W, noise=noise.WEIGHT) if noise_sizes(method) else W


def half(settings: Optimisation) -> Optimisation:
    """With half of the steps."""
    return dataclasses.replace(settings, steps=settings.steps // 2)


def maps(method: Method, settings: Optimisation, n: int, key: Array) -> dict[str, Array]:
    """The noise maps of `n` pictures that are found with their latents, by the name that they have
    among conditions; none where they stay, as in no steps.

    Raises ConfigError for a generator without.
    """
    if settings.noise is None or not settings.steps:
        return {}
    if not (sizes := noise_sizes(method)):
        raise ConfigError(
            f"noise={settings.noise:g} finds the noise maps of a generator, and this one has none: "
            "leave it out, or train nets.style.Up with noise=True"
        )
    return {noise.MAPS: noise.drawn(random.fold_in(key, NOISE), n, sizes)}
