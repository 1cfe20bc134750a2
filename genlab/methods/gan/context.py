"""One move of a GAN as its losses see it: both networks as they are, the batch's labels, the move's
randomness, and the options' hooks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random

from genlab.augment import StatefulAugmentation
from genlab.config import ConfigError
from genlab.game import apply
from genlab.game.networks import outputs
from genlab.losses.adversarial import Objective
from genlab.losses.regularisers import Scene
from genlab.methods.gan import options, terms
from genlab.nets.layers import in_float32

REAL, FAKE, AUGMENT, DROPOUT, REGULARISERS, MADE = 100, 101, 102, 103, 105, 106
"""Streams of randomness under a move's key; `options.POOL` is 104, 0 the latents'."""


@dataclass(frozen=True)
class GANContext:
    """What changes `stats` returns another context, with the statistics after it.

    objective: with every change that the options make of it in this round
    codes:     of the samples' latents, by name
    outputs:   all that the generator made of the latents last given, for one target each
    """

    generator: nn.Module
    discriminator: nn.Module
    objective: Objective
    augment: tuple
    options: tuple[options.Option, ...]
    params: dict
    stats: dict
    cond: Mapping[str, Array] | None
    codes: Mapping[str, Array]
    key: Array
    step: Array
    outputs: tuple[Array, ...] = ()

    @property
    def memory(self) -> dict:
        """What the objective, terms, options and augmentations remember, by name."""
        return self.stats.get("memory", {})

    def remembering(self, memory: dict) -> "GANContext":
        """This context with another memory."""
        return replace(self, stats={**self.stats, "memory": memory}) if memory else self

    def generate(self, z: Array) -> tuple[Array, "GANContext"]:
        """G(z), and the context after."""
        key = self._dropout(MADE)
        made = outputs(self.generator, "gen", self.params, self.stats, z, self.cond, key=key)
        return made.last, replace(self, stats=made.stats, outputs=made.all)

    def discriminate(self, x: Array, stream: int) -> tuple[Array, "GANContext"]:
        """D(x), the critic's logits on its inputs `x`, and the context after; `stream` is REAL or
        FAKE.
        """
        logits, stats = self._apply(self.discriminator, "disc", self._see(x, stream), stream)
        return logits, replace(self, stats=stats)

    def critic(self, x: Array) -> Array:
        """Logits in float32, on inputs augmented as the real ones are; statistics discarded."""
        precise, seen = in_float32(self.discriminator), self._see(x, REAL)
        return self.objective.logit(self._apply(precise, "disc", seen, REAL)[0])

    def inputs(self, x: Array) -> Array:
        """What the critic takes as its inputs, of examples `x`."""
        return options.inputs(self.options, x)

    def latents(self, z: Array) -> Array:
        """The latents `z` of the prior after the options' changes."""
        for option in self.options:
            z = option.latents(z, self._score, self.key, self.step)
        return z

    def samples(self, fake: Array) -> tuple[Array, "GANContext"]:
        """The samples that the critic is trained on, the newest being `fake`, and the context
        after.
        """
        memory = self.memory
        for option in self.options:
            past = memory.get(option.memory, ())
            fake, now = option.samples(fake, self.key, self.step, past)
            memory = {**memory, option.memory: now} if option.memory else memory
        return fake, self.remembering(memory)

    def features(self, x: Array) -> Array:
        """What the critic sows as its features of `x`, [B, F]."""
        for _, value in self._sown("features", x):
            return value
        raise ConfigError(
            f"{type(self.discriminator).__name__} sows no features for a regulariser to match: "
            'call self.sow("intermediates", "features", x) in it, as nets.Discriminator does'
        )

    def added(self, z: Array) -> tuple[dict, dict, "GANContext"]:
        """(values, weights) of the terms that options add to the generator's loss, and the context
        after.
        """
        values, weights, memory = {}, {}, self.memory
        for option in self.options:
            if option.generated is not None:
                found, weighed, now = option.generated(self, z)
                values, weights = {**values, **found}, {**weights, **weighed}
                memory = {**memory, option.memory: now} if option.memory else memory
        return values, weights, self.remembering(memory)

    def maps(self, x: Array) -> tuple[tuple[Array, ...], ...]:
        """The maps of its layers that the critic sows of `x`, by the part of it that sows them:
        one for each scale.
        """
        by_part: dict[tuple, list[Array]] = {}
        for part, value in self._sown("maps", x):
            by_part.setdefault(part, []).append(value)
        if by_part:
            return tuple(tuple(maps) for maps in by_part.values())
        raise ConfigError(
            f"{type(self.discriminator).__name__} sows no maps of its layers for a regulariser to "
            'match: call self.sow("intermediates", "maps", x) in it, as patchgan.Discriminator does'
        )

    def penalise(
        self, named: Mapping[str, terms.Term], real: Array, fake: Array
    ) -> tuple[dict[str, Array], "GANContext"]:
        """The values of the critic's penalties on its inputs, and the context after."""
        return self._measure(named, self.key, lambda key: (self.critic, real, fake, key))

    def regularise(
        self, named: Mapping[str, terms.Term], owns: str, real: Array, fake: Array, z: Array
    ) -> tuple[dict[str, Array], "GANContext"]:
        """The values of regularisers of the player that owns network `owns`, and the context
        after.
        """
        scene = Scene(
            critic=self.critic,
            features=self.features,
            generator=lambda z: self.generate(z)[0],
            real=real,
            fake=fake,
            z=z,
            params={owns: self.params[owns]},
            key=self.key,
            maps=self.maps,
        )
        own = random.fold_in(self.key, REGULARISERS)
        return self._measure(named, own, lambda key: (scene._replace(key=key),))

    def remember(self, real: Array, fake: Array) -> "GANContext":
        """The context after objective and augmentations have seen the critic's logits."""
        memory = self.memory
        if past := memory.get("objective", ()):
            memory = {**memory, "objective": self.objective.remember(real, fake, *past)}
        real, fake = self.objective.logit(real), self.objective.logit(fake)
        for name, one in stateful(self.augment).items():
            memory = {**memory, name: one.remember(real, fake, *memory[name])}
        return self.remembering(memory)

    def _sown(self, name: str, x: Array) -> list[tuple[tuple, Array]]:
        """What the critic sows of `x` under a name, each with the part of it that does; statistics
        discarded.
        """
        state = self.stats.get("disc", {})
        _, found = self.discriminator.apply(
            {"params": self.params["disc"], **state},
            self._see(x, REAL),
            self._judged(REAL),
            rngs={"dropout": self._dropout(REAL)},
            mutable=["intermediates", *state],
        )
        sown = jax.tree_util.tree_leaves_with_path(found.get("intermediates", {}))
        names = [[getattr(part, "key", "") for part in path] for path, _ in sown]
        return [
            (tuple(path[: path.index(name)]), value)
            for path, (_, value) in zip(names, sown, strict=True)
            if name in path
        ]

    def _measure(self, named: Mapping[str, terms.Term], key: Array, look: Callable):
        values, memory = terms.measured(named, self.memory, self.step, key, look)
        return values, self.remembering(memory)

    def _score(self, z: Array) -> Array:
        return self.critic(self.inputs(self.generate(z)[0]))

    def _see(self, x: Array, stream: int) -> Array:
        key = random.fold_in(random.fold_in(self.key, AUGMENT), stream)
        for number, one in enumerate(self.augment):
            own, name = random.fold_in(key, number), _name(number)
            if isinstance(one, StatefulAugmentation):
                x = one.see(x, own, self.step, *self.memory[name])
            else:
                x = one(x, own, self.step)
        return x

    def _apply(self, net: nn.Module, name: str, x: Array, stream: int) -> tuple[Array, dict]:
        key, cond = self._dropout(stream), self._judged(stream)
        return apply(net, name, self.params, self.stats, x, cond, key=key)

    def _judged(self, stream: int) -> Mapping[str, Array] | None:
        """What the critic is given; data have no codes, and zeros in their place."""
        if not self.codes:
            return self.cond
        codes = self.codes if stream == FAKE else jax.tree.map(jnp.zeros_like, dict(self.codes))
        return {**(self.cond or {}), **codes}

    def _dropout(self, stream: int) -> Array:
        return random.fold_in(random.fold_in(self.key, DROPOUT), stream)


def stateful(augment: tuple) -> dict[str, StatefulAugmentation]:
    """The augmentations that remember something, by the name of their memory."""
    named = {_name(number): one for number, one in enumerate(augment)}
    return {name: one for name, one in named.items() if isinstance(one, StatefulAugmentation)}


def _name(number: int) -> str:
    return f"view{number}"  # the name in checkpoints
