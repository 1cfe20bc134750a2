"""The two halves of a style-based network, as a method calls them: `abilities.Styles`."""

from collections.abc import Mapping
from typing import Any

from jax import Array

from genlab.game.networks import apply
from genlab.nets.roles import styled


def lacking(net: Any, what: str) -> str:
    """Why the network `what` has no styles; "" where it has."""
    if styled(net):
        return ""
    trunk = getattr(net, "trunk", net)
    return (
        f"its {what} ({type(net).__name__} of {type(trunk).__name__}) has none; nets.style.Up has"
    )


def layers(net: Any) -> int:
    """How many layers are given a style."""
    return getattr(net, "trunk", net).style_layers


def mapping(
    net: Any, name: str, params: dict, stats: dict, z: Array, cond: Mapping | None
) -> Array:
    """w of latents, [n, w]."""
    return apply(net, name, params, stats, z, cond, method="mapping")[0]


def synthesis(net: Any, name: str, params: dict, stats: dict, w: Array) -> Array:
    """What the network makes of styles, [n, w] or [n, layers, w]."""
    return apply(net, name, params, stats, w, method="synthesis")[0]
