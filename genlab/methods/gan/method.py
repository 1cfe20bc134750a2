"""Generative adversarial networks: two players, any objective, any penalties (Goodfellow et al.
2014, arXiv:1406.2661).

With `objective="wasserstein"`, `penalties=dict(gradient_penalty=10.0)` and `critic_moves=5` it is
WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1). `given=("label",)` makes it
label-conditional (Mirza & Osindero 2014, arXiv:1411.1784): both networks receive the batch's label.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError, choose
from genlab.game import Player, apply, conditions, fresh
from genlab.game.dynamics import changed
from genlab.losses import adversarial, penalties, regularisers, total
from genlab.losses.adversarial import Objective
from genlab.methods.gan import checks, terms
from genlab.methods.gan.context import FAKE, REAL, GANContext, carried
from genlab.methods.gan.options import pack, pooled, smoothed, top
from genlab.runtime import collectives
from genlab.schedules import Weight

LATENTS, POOL, REGULARISERS = 0, 104, 105  # streams of randomness under a move's key


@dataclass(frozen=True)
class GAN:
    """Players `disc` and `gen`.

    objective:       a name in `losses.adversarial` (a factory's too: its defaults),
                     "package.module:objective", or a spec of one
    penalties:       of the critic, by name in `losses.penalties`: see `methods.terms.resolved`
    regularisers:    by player ("disc", "gen"), then by name in `losses.regularisers`, likewise
    generator_batch: images the generator is judged on for each real one of a batch
    augment:         what the critic sees every image through, in order (`genlab.augment`)
    pack:            examples the critic judges at once, concatenated along the channels (PacGAN:
                     Lin et al. 2018, arXiv:1712.04086, Section 3)
    pool:            earlier samples kept to show the critic in place of half the new ones
                     (Shrivastava et al. 2017, arXiv:1612.07828, Section 2.3); 0 for none
    smoothing:       of the label "data" (one-sided: Salimans et al. 2016, arXiv:1606.03498,
                     Section 3.4): a share of the label "sample" in its stead; None for none
    top:             share of a batch's samples, those of the highest logits, that teach the
                     generator (Sinha et al. 2020, arXiv:2002.06224, Section 4); None for all
    latent_step:     (score, z) -> z: how latents are improved before they are used
                     (`methods.between.latent_step`); None for not at all
    dynamics:        changes of the players (`genlab.game.dynamics`)
    """

    generator: nn.Module
    discriminator: nn.Module
    latent: int = 128
    objective: str | Objective = "nonsaturating"
    penalties: Mapping = field(default_factory=dict)
    regularisers: Mapping = field(default_factory=dict)
    critic_moves: int = 1
    generator_batch: int = 1
    augment: tuple = ()
    pack: int = 1
    pool: int = 0
    smoothing: Weight | None = None
    top: Weight | None = None
    latent_step: Callable | None = None
    dynamics: tuple = ()
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        checks.numbers(self)
        checks.kinds(self)
        checks.combinations(self, self._objective)
        checks.names(self._penalties, self._regularisers)
        self.players()  # whose changes may refuse them

    @property
    def _objective(self) -> Objective:
        found = choose(adversarial, self.objective)
        return found if isinstance(found, Objective) else found()  # a factory, by its name

    @property
    def _penalties(self) -> dict[str, terms.Term]:
        return terms.resolved(penalties, self.penalties, "penalties")

    @property
    def _regularisers(self) -> dict[str, dict[str, terms.Term]]:
        given = {"disc": {}, "gen": {}, **self.regularisers}
        return {
            player: terms.resolved(regularisers, named, f"regularisers.{player}")
            for player, named in given.items()
        }

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen` and `disc`, and what the terms remember.

        Raises ConfigError where images, packs and networks do not fit each other.
        """
        x, cond = batch[self.makes], conditions(batch, self.given)
        z = self.latents(random.fold_in(key, 2), len(x))
        params, stats = fresh(self.generator, "gen", random.fold_in(key, 0), z, cond)
        fake, _ = apply(self.generator, "gen", params, stats, z, cond)
        if fake.shape != x.shape:
            raise ConfigError(
                f"the generator makes examples of {fake.shape[1:]}, the data are {x.shape[1:]}: "
                f"set method.generator.trunk.shape={x.shape[1:]}"
            )
        packed = pack(x, self.pack)
        more_params, more_stats = fresh(
            self.discriminator, "disc", random.fold_in(key, 1), packed, cond
        )
        params, stats = {**params, **more_params}, {**stats, **more_stats}
        judge = partial(apply, self.discriminator, "disc", params, stats, key=key)
        checks.networks(
            self,
            self._objective,
            self._penalties,
            self._regularisers["gen"],
            stats,
            jax.eval_shape(judge, packed, cond)[0].shape,
        )
        memory = terms.started(self._starts())
        if self.pool:
            memory["pool"] = jnp.resize(fake, (self.pool, *fake.shape[1:]))
        return params, {**stats, **({"memory": memory} if memory else {})}

    def players(self) -> dict[str, Player]:
        """The critic moves first, `critic_moves` times, then the generator once, unless `dynamics`
        has it otherwise.
        """
        critic = Player(self.critic_loss, owns=("disc",), moves=self.critic_moves)
        return changed(
            {"disc": critic, "gen": Player(self.generator_loss, owns=("gen",))}, self.dynamics
        )

    def critic_loss(self, params, stats, batch, key, step):
        """E[objective.critic] + sum of weight x E[penalty]; penalties in float32, their statistics
        discarded.
        """
        bout, real = self._bout(params, stats, batch, key, step), batch[self.makes]
        z, fake, bout = self._samples(bout, len(real))
        shown = fake
        if self.pool:
            shown, pool = pooled(fake, bout.memory["pool"], random.fold_in(key, POOL))
            bout = bout.remembering({**bout.memory, "pool": pool})
        real, shown = pack(real, self.pack), pack(shown, self.pack)
        d_real, bout = bout.judge(real, REAL)
        d_fake, bout = bout.judge(shown, FAKE)

        objective = self._objective
        past = bout.memory.get("objective", ())
        losses = objective.critic(d_real, d_fake, *past)
        if self.smoothing is not None:
            losses = smoothed(objective, d_real, d_fake, self.smoothing, step)
        penalised, bout = bout.measure(
            self._penalties, key, lambda key: (bout.critic, real, shown, key)
        )
        own = random.fold_in(key, REGULARISERS)
        scene, named = bout.scene("disc", real, fake, z), self._regularisers["disc"]
        regularised, bout = bout.measure(named, own, lambda key: (scene._replace(key=key),))
        if past:
            after = objective.remember(d_real, d_fake, *past)
            bout = bout.remembering({**bout.memory, "objective": after})
        bout = bout.remember(d_real, d_fake)
        loss, metrics = total(
            {"adversarial": losses, **penalised, **regularised},
            terms.weights(self._penalties, named),
            step,
        )
        seen = {"real": bout.logit(d_real).mean(), "fake": bout.logit(d_fake).mean()}
        return loss, (bout.stats, {**metrics, **seen})

    def generator_loss(self, params, stats, batch, key, step):
        """E[objective.generator], over the best samples alone where `top` says so."""
        batch = {name: self._repeated(column) for name, column in batch.items()}
        bout, real = self._bout(params, stats, batch, key, step), batch[self.makes]
        d_real, bout = bout.judge(pack(real, self.pack), REAL)
        z, fake, bout = self._samples(bout, len(real))
        d_fake, bout = bout.judge(pack(fake, self.pack), FAKE)
        losses = self._objective.generator(d_real, d_fake, *bout.memory.get("objective", ()))
        if self.top is not None:
            losses = top(losses, bout.logit(d_fake), self.top, step)
        own = random.fold_in(key, REGULARISERS)
        scene, named = bout.scene("gen", real, fake, z), self._regularisers["gen"]
        regularised, bout = bout.measure(named, own, lambda key: (scene._replace(key=key),))
        terms_of = {"adversarial": losses, **regularised}
        loss, metrics = total(terms_of, terms.weights(named), step)
        return loss, (bout.stats, metrics)

    def latents(self, key: Array, n: int) -> Array:
        """z ~ N(0, I), [n, latent]."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """G(z) with running statistics."""
        return apply(self.generator, "gen", params, stats, z, cond, train=False)[0]

    def settle(self, params, stats, key: Array, n: int, cond: Mapping | None = None) -> dict:
        """The statistics of `gen` after `n` samples in training mode."""
        z = self.latents(key, n)
        _, stats = apply(self.generator, "gen", params, stats, z, cond, key=key)
        return {"gen": stats.get("gen", {})}

    def _repeated(self, x: Array) -> Array:
        """A batch's column, as often as the generator's batch is larger."""
        return jnp.tile(x, (self.generator_batch,) + (1,) * (x.ndim - 1))

    def _bout(self, params, stats, batch, key, step) -> GANContext:
        cond = conditions(batch, self.given)
        nets, columns = (self.generator, self.discriminator), self._objective.columns
        return GANContext(*nets, self.augment, params, stats, cond, key, step, columns)

    def _samples(self, bout: GANContext, n: int) -> tuple[Array, Array, GANContext]:
        """(latents, samples, the bout after making them)."""
        z = collectives.split(self.latents(random.fold_in(bout.key, LATENTS), n))
        if self.latent_step is not None:
            z = self.latent_step(lambda z: bout.critic(pack(bout.generate(z)[0], self.pack)), z)
        return z, *bout.generate(z)

    def _starts(self) -> dict[str, tuple]:
        """What everything remembers before the first round; () for nothing."""
        named = {**self._penalties, **self._regularisers["disc"], **self._regularisers["gen"]}
        found = {**named, "objective": self._objective, **carried(self.augment)}
        return {name: remembering.start for name, remembering in found.items()}
