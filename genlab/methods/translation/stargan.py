"""StarGAN: one generator for any number of domains, which the columns given name (Choi et al. 2018,
arXiv:1711.09020).

Domains are labels (hue, category, ...): an example is translated to the labels of another example
of the batch. Its generator is `Translator(translation.ResNet(blocks=6, norm="AffineInstanceNorm",
padding="zeros"))`: a label is a constant plane, which reflection padding and an instance norm would
remove.
"""

from dataclasses import dataclass
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import optax
from jax import Array, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player, apply, conditions
from genlab.game.abilities import Conditions, Examples
from genlab.losses import total
from genlab.losses.penalties import gradient_penalty
from genlab.methods.translation.play import Play, begun, difference, fits
from genlab.schedules import Weight

TARGETS, PENALTY = 111, 112  # streams of randomness under a move's key


@dataclass(frozen=True)
class StarGAN:
    """Players `disc`, which moves `critic_moves` times, and `gen`.

    generator:     (z, {image, labels}) -> a picture of the same shape, `nets.Translator`
    discriminator: x -> (patch logits, {label: logits}), `nets.stargan.Discriminator`
    given:         the columns of labels that name the domains
    classification, reconstruction, penalty: weights, the paper's
    """

    generator: nn.Module
    discriminator: nn.Module
    given: tuple[str, ...] = ("label",)
    makes: str = "image"
    classification: Weight = 1.0
    reconstruction: Weight = 10.0
    penalty: Weight = 10.0
    critic_moves: int = 5

    def __post_init__(self):
        if not self.given:
            raise ConfigError("StarGAN is given no labels: name columns, given=('hue',)")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator, "disc": self.discriminator}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and `disc`; ConfigError for a critic without a head of a label."""
        x, labels = batch[self.makes], conditions(batch, self.given) or {}
        inputs = {"gen": (None, {**labels, self.makes: x}), "disc": (x,)}
        params, stats = begun(self.networks, key, inputs)
        play = Play(self.networks, params, stats, key)
        fits("StarGAN.generator", play("gen", *inputs["gen"]), x, self.makes)
        heads = {name: logits.shape for name, logits in play("disc", x)[1].items()}
        wanted = {name: label.shape for name, label in labels.items()}
        if heads != wanted:
            raise ConfigError(
                f"StarGAN.discriminator classifies {heads}, and the labels given are {wanted}: set "
                f"its heads={ {name: shape[-1] for name, shape in wanted.items()} }"
            )
        return params, stats

    def players(self) -> dict[str, Player]:
        """The critic first."""
        return {
            "disc": Player(self.critic_loss, owns=("disc",), moves=self.critic_moves),
            "gen": Player(self.generator_loss, owns=("gen",)),
        }

    def critic_loss(self, params, stats, batch, key, step):
        """E[D(G(x, c'))] - E[D(x)] + penalty E[(|grad D(x^)| - 1)^2] + classification
        E[-log D(c | x)]: Eqs. 2, 5 and 8.
        """
        x, labels = batch[self.makes], conditions(batch, self.given) or {}
        play = Play(self.networks, params, stats, key)
        fake = play("gen", None, {**targets(labels, key), self.makes: x})
        (real_logits, of_real), (fake_logits, _) = play("disc", x), play("disc", fake)
        terms = {
            "adversarial": fake_logits - real_logits,
            "penalty": gradient_penalty(
                partial(self._source, params, stats), x, fake, random.fold_in(key, PENALTY)
            ),
            "classification": cross_entropy(of_real, labels),
        }
        loss, metrics = total(terms, self._weights(terms), step)
        return loss, (
            play.stats,
            {**metrics, "real": real_logits.mean(), "fake": fake_logits.mean()},
        )

    def generator_loss(self, params, stats, batch, key, step):
        """-E[D(G(x, c'))] + classification E[-log D(c' | G(x, c'))] + reconstruction
        E[|x - G(G(x, c'), c)|]: Eqs. 3, 4 and 6.
        """
        x, labels = batch[self.makes], conditions(batch, self.given) or {}
        play, wanted = Play(self.networks, params, stats, key), targets(labels, key)
        fake = play("gen", None, {**wanted, self.makes: x})
        again = play("gen", None, {**labels, self.makes: fake})
        logits, of_fake = play("disc", fake)
        terms = {
            "adversarial": -logits,
            "classification": cross_entropy(of_fake, wanted),
            "reconstruction": difference(again, x),
        }
        loss, metrics = total(terms, self._weights(terms), step)
        return loss, (play.stats, metrics)

    def translations(self) -> tuple[tuple[str, str], ...]:
        """From a picture to the same picture under other labels."""
        return ((self.makes, self.makes),)

    def translate(self, params, stats, x: Examples, to: Conditions) -> Examples:
        """Each example under the labels `to`, all of `given`, one-hot."""
        missing = [name for name in self.given if name not in (to or {})]
        if missing:
            raise ConfigError(f"translate: no {missing[0]!r} in `to`, which names a domain")
        seen = {**{name: to[name] for name in self.given}, self.makes: x}  # pyright: ignore
        return apply(self.generator, "gen", params, stats, None, seen, train=False)[0]

    def _weights(self, terms: dict) -> dict[str, Weight]:
        return {name: getattr(self, name) for name in terms if name != "adversarial"}

    def _source(self, params, stats, x: Array) -> Array:
        return apply(self.discriminator, "disc", params, stats, x)[0][0]


def targets(labels: dict[str, Array], key: Array) -> dict[str, Array]:
    """The labels of other examples of the batch, in a random order (of the whole example: its
    labels stay together).
    """
    n = len(next(iter(labels.values())))
    order = random.permutation(random.fold_in(key, TARGETS), n)
    return {name: label[order] for name, label in labels.items()}


def cross_entropy(logits: dict[str, Array], labels: dict[str, Array]) -> Float[Array, " b"]:
    """-log p(labels | x), summed over the columns of labels."""
    found = (optax.softmax_cross_entropy(logits[name], labels[name]) for name in labels)
    return sum(found, jnp.zeros(()))
