"""CycleGAN: two domains without pairs, translated there and back (Zhu et al. 2017,
arXiv:1703.10593).

G translates the first domain, A, to the second, B, and F back; a critic of each domain tells
translations from data. A round is one move of both sides at once, on one batch and from the same
parameters, as in the authors' second implementation, where the critics are trained on the
translations made before G and F moved. The learning rate there is constant for 100 epochs and then
falls linearly to 0 over 100: `game.optim.constant_then_linear`.
"""

from dataclasses import dataclass

import flax.linen as nn
from jax import Array, random

from genlab.config import ConfigError
from genlab.game import Player, apply
from genlab.game.abilities import Examples
from genlab.losses import total
from genlab.losses.adversarial import Objective
from genlab.methods.translation import domains as of_two
from genlab.methods.translation import pool as pools
from genlab.methods.translation.play import Play, begun, difference, fits, on_logits
from genlab.schedules import Weight

POOL = 104  # a stream of randomness under a move's key


@dataclass(frozen=True)
class CycleGAN:
    """Players `gen`, which owns `gen` (G) and `inverse` (F), and `disc`, which owns `disc` (of B)
    and `disc_inverse` (of A).

    generator:     G, `nets.Translator`
    discriminator: of either domain; `nets.patchgan.Discriminator` in the paper
    domains:       the columns A and B, of `data.unpaired`
    inverse:       F, where its architecture is another than G's (other channels)
    adversarial:   weight of the objective: 2, for `least_squares` is half of the paper's square
    cycle, identity: weights of the mean absolute errors, 10 and half of that in the authors' code;
                   identity=0 for domains of unlike channels
    pool:          translations of each direction that are kept to show the critics; 0 for none
    """

    generator: nn.Module
    discriminator: nn.Module
    domains: tuple[str, str]
    inverse: nn.Module | None = None
    objective: str | Objective = "least_squares"
    adversarial: Weight = 2.0
    cycle: Weight = 10.0
    identity: Weight = 5.0
    pool: int = 50

    makes, given = of_two.makes, of_two.given
    latents, generate, translations = of_two.latents, of_two.generate, of_two.there_and_back

    def __post_init__(self):
        of_two.check(self.domains, "CycleGAN")
        if self.pool < 0:
            raise ConfigError(f"CycleGAN.pool is {self.pool}: 50 in the paper, 0 for none")
        on_logits(self.objective, "CycleGAN")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {
            "gen": self.generator,
            "inverse": self.inverse or self.generator,
            "disc": self.discriminator,
            "disc_inverse": self.discriminator,
        }

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Four networks and two pools."""
        a, b = (batch[name] for name in self.domains)
        inputs = {"gen": (None, {"x": a}), "inverse": (None, {"x": b})}
        inputs |= {"disc": (b,), "disc_inverse": (a,)}
        params, stats = begun(self.networks, key, inputs)
        play = Play(self.networks, params, stats, key)
        fits("CycleGAN.generator", play("gen", *inputs["gen"]), b, self.domains[1])
        fits("CycleGAN.inverse", play("inverse", *inputs["inverse"]), a, self.domains[0])
        self._check_identity(a, b)
        if self.pool:
            kept = {"gen": pools.empty(self.pool, b), "inverse": pools.empty(self.pool, a)}
            stats = {**stats, "memory": kept}
        return params, stats

    def players(self) -> dict[str, Player]:
        """Both at once."""
        return {
            "gen": Player(self.generator_loss, owns=("gen", "inverse")),
            "disc": Player(self.critic_loss, owns=("disc", "disc_inverse"), beside=True),
        }

    def generator_loss(self, params, stats, batch, key, step):
        """L_GAN(G, D_B) + L_GAN(F, D_A) + cycle E[|F(G(a)) - a| + |G(F(b)) - b|]
        + identity E[|G(b) - b| + |F(a) - a|]: Eqs. 1 to 3 and Section 5.2.
        """
        a, b = (batch[name] for name in self.domains)
        play = Play(self.networks, params, stats, key)
        fake_b, fake_a = play("gen", None, {"x": a}), play("inverse", None, {"x": b})
        generator = self._objective.generator
        terms = {
            "adversarial": generator(play("disc", b), play("disc", fake_b))
            + generator(play("disc_inverse", a), play("disc_inverse", fake_a)),
        }
        if self._has_identity:
            again_b, same_b = play.on_both("gen", fake_a, b)
            again_a, same_a = play.on_both("inverse", fake_b, a)
            terms["identity"] = difference(same_b, b) + difference(same_a, a)
        else:
            again_b, again_a = (
                play(name, None, {"x": x}) for name, x in [("gen", fake_a), ("inverse", fake_b)]
            )
        terms["cycle"] = difference(again_a, a) + difference(again_b, b)
        weights = {name: getattr(self, name) for name in terms}
        loss, metrics = total(terms, weights, step)
        return loss, (play.stats, metrics)

    def critic_loss(self, params, stats, batch, key, step):
        """E[critic(D_B(b), D_B(G(a)))] + E[critic(D_A(a), D_A(F(b)))], of translations that the
        pools may replace by earlier ones (Section 4, Training details).
        """
        a, b = (batch[name] for name in self.domains)
        play = Play(self.networks, params, stats, key)
        fake = {name: play(name, None, {"x": x}) for name, x in [("gen", a), ("inverse", b)]}
        memory = stats.get("memory", {})
        for number, (name, kept) in enumerate(memory.items()):
            own = random.fold_in(random.fold_in(key, POOL), number)
            fake[name], now = pools.shown(kept, fake[name], own)
            memory = {**memory, name: now}
        of_b = self._objective.critic(play("disc", b), play("disc", fake["gen"]))
        of_a = self._objective.critic(
            play("disc_inverse", a), play("disc_inverse", fake["inverse"])
        )
        loss, metrics = total({"adversarial": of_b + of_a}, {}, step)
        after = {**play.stats, "memory": memory} if memory else play.stats
        return loss, (after, metrics)

    def translate(self, params, stats, x: Examples, to: str) -> Examples:
        """Examples of the other domain in the domain `to`, a column's name."""
        name = ("inverse", "gen")[of_two.column_of(self.domains, to)]
        net = self.networks[name]
        return apply(net, name, params, stats, None, {"x": x}, train=False)[0]

    @property
    def _objective(self) -> Objective:
        return on_logits(self.objective, "CycleGAN")

    @property
    def _has_identity(self) -> bool:
        return not isinstance(self.identity, int | float) or self.identity != 0

    def _check_identity(self, a: Array, b: Array) -> None:
        if self._has_identity and a.shape != b.shape:
            raise ConfigError(
                "CycleGAN.identity compares translations with what is given, and "
                f"{self.domains[0]!r} is {a.shape[1:]}, {self.domains[1]!r} {b.shape[1:]}: set "
                "identity=0"
            )
