"""Style transfer by optimising the pixels (Gatys et al. 2016, CVPR; arXiv:1508.06576): the picture
whose features are those of one picture and whose Gram matrices are those of another, by L-BFGS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax import Array, lax
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.losses import features, pictures

Pictures = Float[Array, "b h w c"]
Maps = Callable[[Pictures], tuple[Array, ...]]


class Stylised(NamedTuple):
    """What it gives.

    pictures: [B, H, W, C] in [-1, 1]
    content, style: their losses, [B], unweighted
    """

    pictures: Pictures
    content: Float[Array, " b"]
    style: Float[Array, " b"]


@dataclass(frozen=True)
class Stylisation:
    """How pixels are optimised.

    content, style, smoothness: weights; of features of a layer, of Gram matrices of all layers,
             and of the total variation
    layer:   of the maps, whose features are the content
    steps:   of L-BFGS, each with a line search
    memory:  past steps that the curvature is estimated from
    """

    content: float = 1.0
    style: float = 100.0
    smoothness: float = 0.0
    layer: int = -1
    steps: int = 100
    memory: int = 10

    def __post_init__(self):
        if self.steps < 1 or self.memory < 1:
            raise ConfigError(f"{self}: expected 1 or more steps and a memory of 1 or more")
        if min(self.content, self.style, self.smoothness) < 0:
            raise ConfigError(f"{self}: weights are 0 or more")


def losses(made: Pictures, content: Pictures, style: Pictures, maps: Maps, layer: int):
    """(content, style), [B] each (Eqs. 1 and 5, normalised as in Johnson et al. 2016,
    arXiv:1603.08155, so that weights do not depend on the size).
    """
    of_made, of_content, of_style = maps(made), maps(content), maps(style)
    at = slice(layer, layer + 1 or None)
    return features.content(of_made[at], of_content[at]), features.gram(of_made, of_style)


def objective(
    made: Pictures, content: Pictures, style: Pictures, maps: Maps, settings: Stylisation
) -> Float[Array, " b"]:
    """content L_content + style L_style + smoothness TV: what is minimised (Eq. 7, with a total
    variation), [B].
    """
    of_content, of_style = losses(made, content, style, maps, settings.layer)
    smooth = pictures.total_variation(made, made)
    weighed = settings.content * of_content + settings.style * of_style
    return weighed + settings.smoothness * smooth


def stylised(
    content: Pictures, style: Pictures, maps: Maps, settings: Stylisation, start: Pictures
) -> Stylised:
    """Each picture of `content` in the style of its row of `style`, from its row of `start`: the
    content itself, as is usual, or noise. Each is optimised by itself; pixels are those of
    tanh-free pictures and are clipped to [-1, 1] at the end.
    """

    def one(row):
        x, s, y = (part[None] for part in row)
        return _optimised(x, s, y, maps, settings)[0]

    made = jnp.clip(lax.map(one, (content, style, start)), -1.0, 1.0)
    return Stylised(made, *losses(made, content, style, maps, settings.layer))


def _optimised(x: Pictures, s: Pictures, y: Pictures, maps: Maps, settings: Stylisation):
    lbfgs = optax.lbfgs(memory_size=settings.memory)

    def of(y):
        return objective(y, x, s, maps, settings).sum()

    value_and_slope = optax.value_and_grad_from_state(of)

    def step(carry, _):
        y, state = carry
        value, slope = value_and_slope(y, state=state)
        change, state = lbfgs.update(slope, state, y, value=value, grad=slope, value_fn=of)
        return (optax.apply_updates(y, change), state), value

    (y, _), _ = lax.scan(step, (y, lbfgs.init(y)), None, length=settings.steps)
    return y
