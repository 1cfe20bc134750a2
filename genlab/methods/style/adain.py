"""AdaIN: any style, by the mean and the variance of features (Huang & Belongie 2017,
arXiv:1703.06868).

The features of a picture get the mean and the standard deviation of a style's, channel by channel;
a decoder makes a picture of them, and is all that is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player, apply
from genlab.game.abilities import Conditions, Examples
from genlab.losses import features as of_features
from genlab.losses import total
from genlab.losses.pictures import per_picture
from genlab.methods.translation.play import Play, as_many_channels, begun, fits
from genlab.schedules import Weight

Map = Float[Array, "b h w c"]


@dataclass(frozen=True)
class AdaIN:
    """Player `decoder`, which owns `decoder`.

    features: x -> maps, which nobody trains; the last of them is what is decoded
    decoder:  a trunk (map, cond, train) -> pictures, which end in a tanh here
    makes, given: the columns of pictures and of styles, of `data.unpaired`
    style:    weight of the statistics of all maps; 10 where features are those of VGG19
    """

    features: nn.Module
    decoder: nn.Module
    makes: str = "image"
    given: tuple[str, ...] = ("style",)
    style: Weight = 10.0

    def __post_init__(self):
        if len(self.given) != 1:
            raise ConfigError(f"AdaIN.given is {self.given!r}; give one column of styles")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"features": self.features, "decoder": self.decoder}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `features` and `decoder`."""
        x = batch[self.makes]
        as_many_channels("AdaIN.features", {n: batch[n] for n in (self.makes, *self.given)})
        params, stats = begun(self.networks, key, {"features": (x,)})
        maps = Play(self.networks, params, stats, key)("features", x, None, False)
        if not isinstance(maps, tuple):
            raise ConfigError("AdaIN.features gives no tuple of maps; nets.maps.Maps does")
        more = begun(self.networks, key, {"decoder": (maps[-1],)})
        params, stats = {**params, **more[0]}, {**stats, **more[1]}
        play = Play(self.networks, params, stats, key)
        fits("AdaIN.decoder", self._decoded(play, maps[-1]), x, self.makes)
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"decoder": Player(self.loss, owns=("decoder",))}

    def loss(self, params, stats, batch, key, step):
        """E|f(g(t)) - t|^2 + style sum_j E[|mu_j(g(t)) - mu_j(s)|^2 + |sigma_j(g(t)) -
        sigma_j(s)|^2], t = AdaIN(f(x), f(s)): Eqs. 8 and 11 to 13, means over numbers.
        """
        x, style = batch[self.makes], batch[self.given[0]]
        play = Play(self.networks, params, stats, key)
        of_x, of_style = (play("features", y, None, False) for y in (x, style))
        t = restyled(of_x[-1], of_style[-1])
        of_made = play("features", self._decoded(play, t), None, False)
        terms = {
            "content": per_picture(jnp.square(of_made[-1] - t)),
            "style": of_features.statistics(of_made, of_style),
        }
        loss, metrics = total(terms, {"style": self.style}, step)
        return loss, (play.stats, metrics)

    def translations(self) -> tuple[tuple[str, str], ...]:
        """From a picture to the same picture in a style that is given."""
        return ((self.makes, self.makes),)

    def translate(
        self, params, stats, x: Examples, to: Conditions, strength: float = 1.0
    ) -> Examples:
        """Each picture in the style of the picture `to` has in its row; `strength` between its own
        features, 0, and those with the style's statistics, 1 (Section 7.2, Eq. 14).
        """

        def play(name, x):
            return apply(self.networks[name], name, params, stats, x, None, train=False)[0]

        content = play("features", x)[-1]
        t = restyled(content, play("features", (to or {})[self.given[0]])[-1])
        return self._decoded(play, content + strength * (t - content))

    def _decoded(self, play: Callable, t: Map) -> Examples:
        return jnp.tanh(play("decoder", t).astype(jnp.float32))


def restyled(content: Map, style: Map) -> Map:
    """sigma(s) (c - mu(c)) / sigma(c) + mu(s) (Eq. 8)."""
    mean, deviation = (y[:, None, None] for y in of_features.moments(content))
    new_mean, new_deviation = (y[:, None, None] for y in of_features.moments(style))
    return new_deviation * (content - mean) / deviation + new_mean
