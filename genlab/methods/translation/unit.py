"""UNIT: two domains, two VAEs with a GAN each, and one latent that both share (Liu et al. 2017,
arXiv:1703.00848).

An encoder of each domain gives a map of latents, q(z | x) = N(E(x), I), and a decoder of each makes
a picture of it; a picture is translated by the encoder of its own domain and the decoder of the
other. Weights are shared where `shared` is a network, which both encoders end with and both
decoders begin with, two copies; in the paper those are the last and the first layers, in the
authors' later code nothing is shared but what the losses bring together.
"""

from dataclasses import dataclass, field

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player
from genlab.game.abilities import Examples
from genlab.game.networks import apply
from genlab.losses import total
from genlab.losses.adversarial import Objective
from genlab.methods.translation import domains as of_two
from genlab.methods.translation.play import Play, begun, difference, fits, on_logits

NOISE = 110  # a stream of randomness under a move's key
WEIGHTS = {"reconstruction": 10.0, "kl": 0.01, "cycle": 10.0, "cycle_kl": 0.01}
"""Of the authors' later code, beside 1 for the adversarial term; all are means over numbers."""


@dataclass(frozen=True)
class UNIT:
    """Players `disc`, which owns `disc_a` and `disc_b`, and `gen`, which owns the other networks.

    encoder: a trunk (x, cond, train) from pictures to a map of latents; one for each domain
    decoder: a trunk from a map of latents to pictures, which end in a tanh here
    discriminator: of either domain
    domains: the columns A and B, of `data.unpaired`, of like shapes
    shared:  a trunk from maps to maps of the same shape; None: no weights are shared
    weights: of `reconstruction`, `kl`, `cycle`, `cycle_kl` where they are not those of `WEIGHTS`
    """

    encoder: nn.Module
    decoder: nn.Module
    discriminator: nn.Module
    domains: tuple[str, str]
    shared: nn.Module | None = None
    objective: str | Objective = "least_squares"
    weights: dict = field(default_factory=dict)

    makes, given = of_two.makes, of_two.given
    latents, generate, translations = of_two.latents, of_two.generate, of_two.there_and_back

    def __post_init__(self):
        of_two.check(self.domains, "UNIT")
        on_logits(self.objective, "UNIT")
        if unknown := set(self.weights) - set(WEIGHTS):
            raise ConfigError(f"UNIT.weights of {unknown}: they are of {', '.join(WEIGHTS)}")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        own = {"encoder": self.encoder, "decoder": self.decoder, "disc": self.discriminator}
        found = {f"{name}_{d}": net for name, net in own.items() for d in "ab"}
        if self.shared is None:
            return found
        return {**found, "shared_encoder": self.shared, "shared_decoder": self.shared}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Two encoders, decoders and critics, and what is shared."""
        a, b = (batch[name] for name in self.domains)
        params, stats = begun(self.networks, key, {"encoder_a": (a,), "encoder_b": (b,)})
        h = apply(self.encoder, "encoder_a", params, stats, a, key=key)[0]
        inputs = {"decoder_a": (h,), "decoder_b": (h,), "disc_a": (a,), "disc_b": (b,)}
        if self.shared is not None:
            inputs |= {"shared_encoder": (h,), "shared_decoder": (h,)}
        more = begun(self.networks, random.fold_in(key, 1), inputs)
        params, stats = {**params, **more[0]}, {**stats, **more[1]}
        play = Play(self.networks, params, stats, key)
        for domain, wanted, column in (("a", a, self.domains[0]), ("b", b, self.domains[1])):
            fits(
                "UNIT.decoder",
                self._decode(play, domain, self._encode(play, "a", a)),
                wanted,
                column,
            )
        return params, stats

    def players(self) -> dict[str, Player]:
        """The critics, then the rest."""
        critics = ("disc_a", "disc_b")
        rest = tuple(name for name in self.networks if name not in critics)
        return {
            "disc": Player(self.critic_loss, owns=critics),
            "gen": Player(self.generator_loss, owns=rest),
        }

    def generator_loss(self, params, stats, batch, key, step):
        """L_VAE + L_GAN + L_CC of both domains (Eqs. 2 to 6): reconstructions, and translations
        there and back, with a Laplacian likelihood, |x^ - x|, and KL(N(E(x), I) || N(0, I)) =
        |E(x)|^2 / 2; both as means over numbers.
        """
        a, b = (batch[name] for name in self.domains)
        play, draw = Play(self.networks, params, stats, key), self._drawing(key)
        h_a, h_b = self._encode(play, "a", a), self._encode(play, "b", b)
        z_a, z_b = draw(h_a), draw(h_b)
        again_a, again_b = self._decode(play, "a", z_a), self._decode(play, "b", z_b)
        fake_a, fake_b = self._decode(play, "a", z_b), self._decode(play, "b", z_a)
        back_a, back_b = self._encode(play, "b", fake_b), self._encode(play, "a", fake_a)
        cycled_a = self._decode(play, "a", draw(back_a))
        cycled_b = self._decode(play, "b", draw(back_b))
        generator = self._objective.generator
        terms = {
            "adversarial": generator(play("disc_a", a), play("disc_a", fake_a))
            + generator(play("disc_b", b), play("disc_b", fake_b)),
            "reconstruction": difference(again_a, a) + difference(again_b, b),
            "kl": kl(h_a) + kl(h_b),
            "cycle": difference(cycled_a, a) + difference(cycled_b, b),
            "cycle_kl": kl(back_a) + kl(back_b),
        }
        loss, metrics = total(terms, {**WEIGHTS, **self.weights}, step)
        return loss, (play.stats, metrics)

    def critic_loss(self, params, stats, batch, key, step):
        """The critics' halves of L_GAN (Eq. 4), of translations."""
        a, b = (batch[name] for name in self.domains)
        play, draw = Play(self.networks, params, stats, key), self._drawing(key)
        fake_a = self._decode(play, "a", draw(self._encode(play, "b", b)))
        fake_b = self._decode(play, "b", draw(self._encode(play, "a", a)))
        critic = self._objective.critic
        losses = critic(play("disc_a", a), play("disc_a", fake_a))
        losses += critic(play("disc_b", b), play("disc_b", fake_b))
        loss, metrics = total({"adversarial": losses}, {}, step)
        return loss, (play.stats, metrics)

    def translate(self, params, stats, x: Examples, to: str) -> Examples:
        """Examples of the other domain in `to`, a column's name; of the latent's mean."""
        wanted = of_two.column_of(self.domains, to)

        def play(name, x):
            return apply(self.networks[name], name, params, stats, x, None, train=False)[0]

        return self._decode(play, "ab"[wanted], self._encode(play, "ab"[1 - wanted], x))

    @property
    def _objective(self) -> Objective:
        return on_logits(self.objective, "UNIT")

    def _encode(self, play, domain: str, x: Array) -> Array:
        h = play(f"encoder_{domain}", x)
        return h if self.shared is None else play("shared_encoder", h)

    def _decode(self, play, domain: str, z: Array) -> Array:
        h = z if self.shared is None else play("shared_decoder", z)
        return jnp.tanh(play(f"decoder_{domain}", h).astype(jnp.float32))

    def _drawing(self, key: Array):
        """Of each map of means in turn a draw of the latents, with noise of its own."""
        drawn = iter(range(8))

        def draw(h: Array) -> Array:
            own = random.fold_in(random.fold_in(key, NOISE), next(drawn))
            return h + random.normal(own, h.shape)

        return draw


def kl(h: Float[Array, "b h w c"]) -> Float[Array, " b"]:
    """KL(N(h, I) || N(0, I)) as a mean over the latents, times 2: h^2, as in the authors' code."""
    return jnp.square(h).reshape(len(h), -1).mean(-1)
