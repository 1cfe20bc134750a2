"""Generative adversarial networks: two players, any objective, any penalties (Goodfellow et al.
2014, arXiv:1406.2661).

Algorithm 1 there: in a round the critic moves `critic_moves` times (k), each on a fresh batch x and
fresh latents z, by `critic_loss`; then the generator moves once, by `generator_loss`. It is WGAN-GP
(Gulrajani et al. 2017, arXiv:1704.00028, Algorithm 1) with `objective="wasserstein"`,
`penalties=dict(gradient_penalty=10.0)` and `critic_moves=5`. `given=("label",)` makes it
label-conditional (Mirza & Osindero 2014, arXiv:1411.1784): both networks receive the label.
`given=("edges",)`, `latent=0` and `comparison=spec(Comparison, {"l1": 100.0})` make it pix2pix
(Isola et al. 2017, arXiv:1611.07004): the generator's output is compared with its target too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial, reduce

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.config import ConfigError, choose
from genlab.game import Player, apply, conditions, dropout, dynamics, fresh, styles
from genlab.game.abilities import Code, Guides, HasCodes
from genlab.losses import adversarial, penalties, regularisers, total
from genlab.losses.adversarial import Objective
from genlab.losses.objective import scaled
from genlab.methods.gan import checks, options, terms
from genlab.methods.gan.codes import Codes, prior
from genlab.methods.gan.comparison import Comparison
from genlab.methods.gan.context import FAKE, REAL, GANContext, stateful
from genlab.runtime import collectives

LATENTS, COMPARISON = 0, 107  # streams of randomness under a move's key


@dataclass(frozen=True)
class GAN:
    """Players `disc`, the critic, and `gen`, the generator.

    latent:       the size of z ~ N(0, I), or `codes.Codes`, part of which the critic recognises; 0
                  for a generator that is given columns and draws nothing
    objective:    a name in `losses.adversarial` (a factory's too: its defaults),
                  "package.module:objective", or a spec of one
    penalties:    of the critic, by name in `losses.penalties`: see `terms.resolved`
    regularisers: by player ("disc", "gen"), then by name in `losses.regularisers`, likewise
    augment:      what the critic sees every image through, in order (`genlab.augment`)
    options:      changes of the losses, in order (`genlab.methods.gan.options`)
    dynamics:     changes of the players, in order (`genlab.game.dynamics`)
    makes, given: the column it is a model of, and those that both networks receive
    comparison:   of what the generator makes of an example's columns with that example
    """

    generator: nn.Module
    discriminator: nn.Module
    latent: int | Codes = 128
    objective: str | Objective = "nonsaturating"
    penalties: Mapping = field(default_factory=dict)
    regularisers: Mapping = field(default_factory=dict)
    critic_moves: int = 1
    augment: tuple = ()
    options: tuple = ()
    dynamics: tuple = ()
    makes: str = "image"
    given: tuple[str, ...] = ()
    comparison: Comparison | None = None

    def __post_init__(self):
        checks.numbers(self)
        checks.kinds(self)
        checks.combinations(self, self._objective)
        compared = list(self.comparison.names) if self.comparison else []
        compared += [name for option in self.options for name in option.terms]
        checks.names(self._penalties, self._regularisers, self.options, compared)
        self.players()  # whose changes may refuse them

    def critic_loss(self, params, stats, batch, key, step):
        """E[objective.critic(D(x), D(G(z)))] + sum of weight x E[penalty], minimised by D.

        Goodfellow et al. 2014, Algorithm 1, step of the discriminator; Gulrajani et al. 2017,
        Algorithm 1, lines 4-7. Penalties are in float32, their statistics discarded.
        """
        context, x = self._context(params, stats, batch, key, step), batch[self.makes]
        z, fake, context = self._generated(context, len(x))
        shown, context = context.samples(fake)  # `fake` itself, unless options replace some
        real, shown = context.inputs(x), context.inputs(shown)  # themselves, unless packed
        d_real, context = context.discriminate(real, REAL)
        d_fake, context = context.discriminate(shown, FAKE)

        objective, named = context.objective, self._regularisers["disc"]
        losses = objective.critic(d_real, d_fake, *context.memory.get("objective", ()))
        penalised, context = context.penalise(self._penalties, real, shown)
        regularised, context = context.regularise(named, "disc", x, fake, z)
        context = context.remember(d_real, d_fake)
        loss, metrics = total(
            {"adversarial": losses, **penalised, **regularised},
            terms.weights(self._penalties, named),
            step,
        )
        seen = {"real": objective.logit(d_real).mean(), "fake": objective.logit(d_fake).mean()}
        return loss, (context.stats, {**metrics, **seen})

    def generator_loss(self, params, stats, batch, key, step):
        """E[objective.generator(D(x), D(G(z)))] + sum of weight x E[regulariser] + sum of weight x
        E[loss(G(z), x)] of the comparison, minimised by G.

        Goodfellow et al. 2014, Algorithm 1, step of the generator; Gulrajani et al. 2017,
        Algorithm 1, lines 11 and 12. Few objectives use D(x): those that compare data and samples.
        """
        batch = {name: self._repeated(column) for name, column in batch.items()}
        context, x = self._context(params, stats, batch, key, step), batch[self.makes]
        d_real, context = context.discriminate(context.inputs(x), REAL)
        z, fake, context = self._generated(context, len(x))
        d_fake, context = context.discriminate(context.inputs(fake), FAKE)

        objective, named = context.objective, self._regularisers["gen"]
        losses = objective.generator(d_real, d_fake, *context.memory.get("objective", ()))
        compared, weights = self._compared(context, x)
        regularised, context = context.regularise(named, "gen", x, fake, z)
        added, more, context = context.added(z)
        terms_of = {"adversarial": losses, **regularised, **compared, **added}
        weights = {**weights, **more}
        loss, metrics = total(terms_of, {**terms.weights(named), **weights}, step)
        return loss, (context.stats, metrics)

    def players(self) -> dict[str, Player]:
        """The critic moves first, `critic_moves` times, then the generator once, unless `dynamics`
        has it otherwise.
        """
        critic = Player(self.critic_loss, owns=("disc",), moves=self.critic_moves)
        generator = Player(self.generator_loss, owns=("gen",))
        return dynamics.changed({"disc": critic, "gen": generator}, self.dynamics)

    def check(self, columns: Mapping) -> None:
        """ConfigError for columns of the data that the critic's heads do not fit."""
        checks.columns(self, columns)

    @property
    def prior(self) -> Codes:
        """The distribution of the latents."""
        return prior(self.latent)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        return {"gen": self.generator, "disc": self.discriminator}

    @property
    def _objective(self) -> Objective:
        if isinstance(self.objective, Objective):
            return self.objective
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
        x, cond = batch[self.makes], self._conditioned(conditions(batch, self.given))
        z = self.latents(random.fold_in(key, 2), len(x))
        params, stats = fresh(self.generator, "gen", random.fold_in(key, 0), z, cond)
        fake, _ = apply(self.generator, "gen", params, stats, z, cond, key=key)
        if fake.shape != x.shape:
            raise ConfigError(
                f"the generator makes examples of {fake.shape[1:]}, the data are {x.shape[1:]}: "
                f"set method.generator.trunk.shape={x.shape[1:]}"
            )
        taken, seen = options.inputs(self.options, x), {**(cond or {}), **self.prior.of(z)} or None
        more_params, more_stats = fresh(
            self.discriminator, "disc", random.fold_in(key, 1), taken, seen
        )
        params, stats = {**params, **more_params}, {**stats, **more_stats}
        if self.comparison is not None:
            more_params, more_stats = self.comparison.init(random.fold_in(key, 3), x)
            params, stats = {**params, **more_params}, {**stats, **more_stats}
        for number, option in enumerate(self.options):
            own = random.fold_in(random.fold_in(key, 4), number)
            more_params, more_stats = option.networks(own, x, z, cond)
            params, stats = {**params, **more_params}, {**stats, **more_stats}
        discriminate = partial(apply, self.discriminator, "disc", params, stats, key=key)
        checks.networks(
            self,
            self._objective,
            self._penalties,
            self._regularisers["gen"],
            stats,
            [x.shape for x in jax.tree.leaves(jax.eval_shape(discriminate, taken, seen)[0])],
        )
        memory = terms.started(self._starts())
        memory |= {o.memory: o.start(fake) for o in self.options if o.memory}
        return params, {**stats, **({"memory": memory} if memory else {})}

    def latents(self, key: Array, n: int) -> Array:
        """z of the prior, [n, latent]."""
        return self.prior.sample(key, n)

    def generate(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """G(z) with running statistics."""
        given = self._conditioned(cond)
        return apply(self.generator, "gen", params, stats, z, given, train=False)[0]

    def style_layers(self) -> int:
        """How many layers of a style-based generator are given a style."""
        return styles.layers(self.generator)

    def mapping(self, params, stats, z: Array, cond: Mapping | None = None) -> Array:
        """w of latents, [n, w], of a style-based generator."""
        return styles.mapping(self.generator, "gen", params, stats, z, self._conditioned(cond))

    def noise_sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each layer's noise, where the generator has noise inputs."""
        return styles.noise_sizes(self.generator)

    def synthesis(self, params, stats, w: Array, noise: Array | None = None) -> Array:
        """G's images of styles, [n, w] or [n, layers, w]."""
        return styles.synthesis(self.generator, "gen", params, stats, w, noise)

    def lacks(self, ability: type) -> str:
        """Why it has not the ability, with these networks; "" where it has."""
        if ability is Guides and all(o.conditioned is options.as_it_is for o in self.options):
            return "its options have no condition_dropout"
        if ability is HasCodes and not self.prior.codes:
            return "its latent has none; methods.gan.codes.Codes has"
        return styles.lacking(self.generator, "generator", ability)

    def codes(self) -> dict[str, Code]:
        """The codes of its latents, by name; none without `codes.Codes`."""
        return self.prior.codes

    def null(self, cond: Mapping) -> Mapping:
        """As many rows of conditions, all of them dropped."""
        return dropout.null(cond)

    def update_stats(self, params, stats, key: Array, n: int, cond: Mapping | None = None) -> dict:
        """The statistics of `gen` after `n` samples in training mode."""
        z = self.latents(key, n)
        given = self._conditioned(cond)
        _, stats = apply(self.generator, "gen", params, stats, z, given, key=key)
        return {"gen": stats.get("gen", {})}

    def _compared(self, context: GANContext, x: Array) -> tuple[dict, dict]:
        """(values, weights) of the comparison of the generator's outputs with `x`."""
        if self.comparison is None:
            return {}, {}
        key = random.fold_in(context.key, COMPARISON)
        seen = (context.params, context.stats, context.outputs, x, key, context.step)
        return self.comparison.values(*seen, context.cond), self.comparison.weights

    def _repeated(self, x: Array) -> Array:
        """A batch's column, each row as often as the generator's batch is larger: in a row, so that
        devices which have a share of the rows keep them.
        """
        return jnp.repeat(x, math.prod(option.generator_batch for option in self.options), axis=0)

    def _conditioned(self, cond: Mapping | None) -> Mapping | None:
        """What is given, as networks are given it outside of training."""
        return reduce(lambda cond, option: option.conditioned(cond), self.options, cond)

    def _context(self, params, stats, batch, key, step) -> GANContext:
        cond = conditions(batch, self.given)
        for option in self.options:
            cond = option.conditions(cond, key, step)
        return GANContext(
            self.generator,
            self.discriminator,
            scaled(options.changed(self.options, self._objective, step)),
            self.augment,
            self.options,
            params,
            stats,
            cond,
            self.prior.of(jnp.zeros((len(batch[self.makes]), self.prior.size))),
            key,
            step,
        )

    def _generated(self, context: GANContext, n: int) -> tuple[Array, Array, GANContext]:
        """(z, G(z), the context after) for `n` latents of the prior."""
        z = collectives.shard(self.latents(random.fold_in(context.key, LATENTS), n))
        z = context.latents(z)
        return z, *replace(context, codes=self.prior.of(z)).generate(z)

    def _starts(self) -> dict[str, tuple]:
        """What everything remembers before the first round; () for nothing."""
        named = {**self._penalties, **self._regularisers["disc"], **self._regularisers["gen"]}
        found = {**named, "objective": self._objective, **stateful(self.augment)}
        return {name: remembering.start for name, remembering in found.items()}
