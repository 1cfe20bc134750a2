"""The two halves of a style-based network, as a method calls them: `abilities.Styles`."""

from collections.abc import Mapping
from typing import Any

from jax import Array

from genlab.game.abilities import HasNoise, Styles
from genlab.game.networks import apply
from genlab.nets.roles import styled


def lacking(net: Any, what: str, ability: type = Styles) -> str:
    """Why the network `what` has no styles, or no noise; "" where it has, and for any other
    ability.
    """
    trunk = getattr(net, "trunk", net)
    made = f"its {what} ({type(net).__name__} of {type(trunk).__name__})"
    if ability in (Styles, HasNoise) and not styled(net):
        return f"{made} has none; nets.style.Up has"
    if ability is HasNoise and not noise_sizes(net):
        return f"{made} has no noise maps; nets.style.Up has with noise=True"
    return ""


def layers(net: Any) -> int:
    """How many layers are given a style."""
    return getattr(net, "trunk", net).style_layers


def noise_sizes(net: Any) -> tuple[tuple[int, int], ...]:
    """Height and width of the noise map of each layer; () for a network without."""
    return getattr(getattr(net, "trunk", net), "noise_sizes", ())


def mapping(
    net: Any, name: str, params: dict, stats: dict, z: Array, cond: Mapping | None
) -> Array:
    """w of latents, [n, w]."""
    return apply(net, name, params, stats, z, cond, method="mapping")[0]


def synthesis(
    net: Any, name: str, params: dict, stats: dict, w: Array, noise: Array | None = None
) -> Array:
    """What the network makes of styles, [n, w] or [n, layers, w], and of noise maps in a row, [n,
    numbers]; None for those that all examples have.
    """
    maps = () if noise is None else (noise,)
    return apply(net, name, params, stats, w, *maps, method="synthesis")[0]
