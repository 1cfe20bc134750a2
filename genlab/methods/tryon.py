"""Try-on in two stages: a garment is brought to the shape in which it is worn, then painted on whom
it is for (CP-VTON: Wang et al. 2018, arXiv:1807.07688).

In the paper the second stage is trained when the first is done, on its results. Here both move at
once, each by its own loss: the composition sees the garment as the matching brings it now, and
nothing of its loss reaches the matching.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import total
from genlab.losses.pictures import per_picture
from genlab.methods.gan.comparison import Comparison
from genlab.methods.translation.play import Play, begun
from genlab.schedules import Weight

UNLIKE = 8 / 255  # of [0, 1]: where body and dressed body differ by more, the garment is worn


@dataclass(frozen=True)
class TryOn:
    """Players `match`, which owns `match`, and `gen`, which owns `gen`.

    matcher:    (z, {body, garment}) -> the garment as it is worn, a picture, by moving its pixels:
                `nets.warping`
    composer:   (z, {body, warped}) -> a picture and the share of it that the warped garment is, one
                channel more than the picture has: `Translator(..., bounded=False)`
    comparison: of the composed picture with the dressed body
    makes, body, garment: the columns
    mask:       weight of |share - where the garment is worn|
    """

    matcher: nn.Module
    composer: nn.Module
    comparison: Comparison
    makes: str = "dressed"
    body: str = "body"
    garment: str = "garment"
    mask: Weight = 1.0

    def __post_init__(self):
        if len({self.makes, self.body, self.garment}) < 3:
            raise ConfigError("TryOn: makes, body and garment are three columns")

    @property
    def given(self) -> tuple[str, ...]:
        """Body and garment."""
        return (self.body, self.garment)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"match": self.matcher, "gen": self.composer}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `match` and `gen`, and `features` of perceptual losses."""
        x, body, garment = (batch[name] for name in (self.makes, *self.given))
        inputs = {"match": (None, {"body": body, "garment": garment})}
        inputs |= {"gen": (None, {"body": body, "warped": garment})}
        params, stats = begun(self.networks, key, inputs)
        play = Play(self.networks, params, stats, key)
        warped, made = play("match", *inputs["match"]), play("gen", *inputs["gen"])
        if warped.shape != x.shape or made.shape != (*x.shape[:3], x.shape[3] + 1):
            raise ConfigError(
                f"TryOn of pictures {x.shape[1:]}: the matcher makes {warped.shape[1:]}, expected "
                f"the same; the composer {made.shape[1:]}, expected a channel more"
            )
        more = self.comparison.init(key, x)
        return {**params, **more[0]}, {**stats, **more[1]}

    def players(self) -> dict[str, Player]:
        """Both at once."""
        return {
            "match": Player(self.matching_loss, owns=("match",)),
            "gen": Player(self.composing_loss, owns=("gen",), beside=True),
        }

    def matching_loss(self, params, stats, batch, key, step):
        """E|m (T(c) - I)|, T(c) the warped garment, I the dressed body and m where the two bodies
        differ (Eq. 3: there the worn garment is cut out by a parser), over the size of m.
        """
        x, body, garment = (batch[name] for name in (self.makes, *self.given))
        play = Play(self.networks, params, stats, key)
        warped = play("match", None, {"body": body, "garment": garment})
        terms = {"warp": apart_where(warped, x, worn(x, body))}
        loss, metrics = total(terms, {}, step)
        return loss, (play.stats, metrics)

    def composing_loss(self, params, stats, batch, key, step):
        """comparison(I_o, I) + mask E|M - m|, I_o = M T(c) + (1 - M) I_r (Eqs. 4 and 5)."""
        x, body, garment = (batch[name] for name in (self.makes, *self.given))
        play = Play(self.networks, params, stats, key)
        warped = play("match", None, {"body": body, "garment": garment})
        made, share = composed(play("gen", None, {"body": body, "warped": warped}), warped)
        seen = (params, play.stats, (made,), x, key, step)
        terms = self.comparison.values(*seen)
        terms |= {"mask": per_picture(jnp.abs(share - worn(x, body)))}
        loss, metrics = total(terms, {**self.comparison.weights, "mask": self.mask}, step)
        return loss, (play.stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """Of width 0: nothing is drawn."""
        return jnp.zeros((n, 0))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The body that is given, in the garment that is given."""
        warped = self.warped(params, stats, cond)
        seen = {"body": (cond or {})[self.body], "warped": warped}
        made, _ = apply(self.composer, "gen", params, stats, None, seen, train=False)
        return composed(made, warped)[0]

    def warped(self, params, stats, cond: Conditions) -> Examples:
        """The garment that is given as the body that is given would wear it."""
        seen = {"body": (cond or {})[self.body], "garment": (cond or {})[self.garment]}
        return apply(self.matcher, "match", params, stats, None, seen, train=False)[0]


def composed(made: Float[Array, "b h w d"], warped: Examples) -> tuple[Examples, Array]:
    """(M T(c) + (1 - M) I_r, M) of a composer's output: I_r = tanh, M = sigmoid of its last channel
    (Section 3.3).
    """
    picture, share = jnp.tanh(made[..., :-1]), jax.nn.sigmoid(made[..., -1:])
    return share * warped + (1 - share) * picture, share


def worn(dressed: Examples, body: Examples) -> Float[Array, "b h w 1"]:
    """1 where a garment is worn: where a body and the same body dressed are unlike."""
    unlike = jnp.abs(dressed - body).max(-1, keepdims=True) > 2 * UNLIKE
    return unlike.astype(jnp.float32)


def apart_where(a: Examples, b: Examples, mask: Float[Array, "b h w 1"]) -> Float[Array, " b"]:
    """|a - b|, the mean over the numbers inside of a mask; 0 for an empty one."""
    inside = (mask * jnp.abs(a - b)).reshape(len(a), -1).sum(-1)
    return inside / jnp.maximum(mask.reshape(len(a), -1).sum(-1) * a.shape[-1], 1.0)
