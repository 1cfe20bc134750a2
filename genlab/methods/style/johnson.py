"""A network that paints in one style in a single pass (Johnson et al. 2016, arXiv:1603.08155).

What Gatys et al. (2016; `editing.style`) find by optimising each picture, a network is trained to
give: content is the features of a layer, style the Gram matrices of several.
"""

from dataclasses import dataclass

import flax.linen as nn
from jax import Array

from genlab.config import ConfigError
from genlab.game import Player, apply
from genlab.game.abilities import Examples
from genlab.losses import features, pictures, total
from genlab.methods.translation.play import Play, as_many_channels, begun, fits
from genlab.schedules import Weight


@dataclass(frozen=True)
class FeedForwardStyle:
    """Player `gen`, which owns `gen`.

    generator: `nets.Translator`; `translation.ResNet(width=32, blocks=5, kernel=9,
               norm="AffineInstanceNorm")` in the paper. It does not see the style
    features:  x -> maps, which nobody trains: `spec(trained, ...)`, or `nets.maps.Maps`
    makes, style_of: the columns of pictures and of style, of `data.unpaired`; a style of its own
               for each network, so that the second is best one picture
    content, style, smoothness: weights, the paper's ratio in the authors' code; smoothness is of
               the total variation
    layer:     of the maps, whose features are the content; style is of all
    """

    generator: nn.Module
    features: nn.Module
    makes: str = "image"
    style_of: str = "style"
    content: Weight = 1.0
    style: Weight = 5.0
    smoothness: Weight = 1e-6
    layer: int = -1

    @property
    def given(self) -> tuple[str, ...]:
        """The column of style, in training."""
        return (self.style_of,)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator, "features": self.features}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and `features`."""
        x = batch[self.makes]
        seen = {name: batch[name] for name in (self.makes, self.style_of)}
        as_many_channels("FeedForwardStyle.features", seen)
        inputs = {"gen": (None, {"x": x}), "features": (x,)}
        params, stats = begun(self.networks, key, inputs)
        play = Play(self.networks, params, stats, key)
        fits("FeedForwardStyle.generator", play("gen", *inputs["gen"]), x, self.makes)
        maps = play("features", x, None, False)
        if not isinstance(maps, tuple) or not -len(maps) <= self.layer < len(maps):
            raise ConfigError(
                f"FeedForwardStyle.features gives {type(maps).__name__}: expected a tuple of maps, "
                f"one of which is layer {self.layer}; nets.maps.Maps gives one"
            )
        return params, stats

    def players(self) -> dict[str, Player]:
        """One."""
        return {"gen": Player(self.loss, owns=("gen",))}

    def loss(self, params, stats, batch, key, step):
        """content E|phi_j(G(x)) - phi_j(x)|^2 + style E sum_j |Gram_j(G(x)) - Gram_j(s)|^2 +
        smoothness TV(G(x)): Eqs. 2 to 5.
        """
        x, style = batch[self.makes], batch[self.style_of]
        play = Play(self.networks, params, stats, key)
        made = play("gen", None, {"x": x})
        of_made, of_x, of_style = (play("features", y, None, False) for y in (made, x, style))
        at = self.layer
        terms = {
            "content": features.content(of_made[at : at + 1 or None], of_x[at : at + 1 or None]),
            "style": features.gram(of_made, of_style),
            "smoothness": pictures.total_variation(made, made),
        }
        weights = {name: getattr(self, name) for name in terms}
        loss, metrics = total(terms, weights, step)
        return loss, (play.stats, metrics)

    def translations(self) -> tuple[tuple[str, str], ...]:
        """From a picture to the same picture in the style."""
        return ((self.makes, self.makes),)

    def translate(self, params, stats, x: Examples, to: object = None) -> Examples:
        """Each picture in the one style there is; `to` is not used."""
        return apply(self.generator, "gen", params, stats, None, {"x": x}, train=False)[0]
