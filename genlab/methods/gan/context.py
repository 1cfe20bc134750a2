"""One move of a GAN as its losses see it: both networks where they stand, and what is between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import flax.linen as nn
import jax
from jax import Array, random

from genlab.augment import CarriedView
from genlab.config import ConfigError
from genlab.game import apply
from genlab.losses.regularisers import Scene
from genlab.methods.gan import terms
from genlab.nets.layers import in_float32

REAL, FAKE, MADE, VIEWS, DROPOUT = (
    100,
    101,
    106,
    102,
    103,
)  # streams of randomness under a move's key


@dataclass(frozen=True)
class GANContext:
    """Networks, views, labels and randomness of one move; what changes `stats` gives a new bout."""

    generator: nn.Module
    discriminator: nn.Module
    augment: tuple
    params: dict
    stats: dict
    cond: Mapping[str, Array] | None
    key: Array
    step: Array
    columns: int = 0  # numbers the critic gives for each image, the first its logit; 0: a logit

    @property
    def memory(self) -> dict:
        """What terms and views remember, by name."""
        return self.stats.get("memory", {})

    def remembering(self, memory: dict) -> "GANContext":
        """This bout with another memory."""
        return replace(self, stats={**self.stats, "memory": memory}) if memory else self

    def generate(self, z: Array) -> tuple[Array, "GANContext"]:
        """G(z), and the bout after."""
        made, stats = self._apply(self.generator, "gen", z, MADE)
        return made, replace(self, stats=stats)

    def judge(self, x: Array, stream: int) -> tuple[Array, "GANContext"]:
        """The critic's logits on `x`, and the bout after; `stream` is REAL or FAKE."""
        logits, stats = self._apply(self.discriminator, "disc", self._see(x, stream), stream)
        return logits, replace(self, stats=stats)

    def critic(self, x: Array) -> Array:
        """Logits in float32, on images seen as the real ones are; statistics discarded."""
        precise, seen = in_float32(self.discriminator), self._see(x, REAL)
        return self.logit(self._apply(precise, "disc", seen, REAL)[0])

    def logit(self, judged: Array) -> Array:
        """The one logit, or patch logits, in what the critic gives."""
        return judged[..., 0] if self.columns else judged

    def features(self, x: Array) -> Array:
        """What the critic sows as its features of `x`, [B, F]."""
        state = self.stats.get("disc", {})
        _, found = self.discriminator.apply(
            {"params": self.params["disc"], **state},
            self._see(x, REAL),
            self.cond,
            rngs={"dropout": self._dropout(REAL)},
            mutable=["intermediates", *state],
        )
        sown = jax.tree_util.tree_leaves_with_path(found.get("intermediates", {}))
        for path, value in sown:
            if any(getattr(part, "key", "") == "features" for part in path):
                return value
        raise ConfigError(
            f"{type(self.discriminator).__name__} sows no features for a regulariser to match: "
            'call self.sow("intermediates", "features", x) in it, as nets.Discriminator does'
        )

    def scene(self, owns: str, real: Array, fake: Array, z: Array) -> Scene:
        """What a regulariser looks at."""
        return Scene(
            critic=self.critic,
            features=self.features,
            generator=lambda z: self.generate(z)[0],
            real=real,
            fake=fake,
            z=z,
            params={owns: self.params[owns]},
            key=self.key,
        )

    def measure(
        self, named: Mapping[str, terms.Term], key: Array, look: Callable
    ) -> tuple[dict[str, Array], "GANContext"]:
        """The values of terms that look at `look(key)`, and the bout after."""
        values, memory = terms.measured(named, self.memory, self.step, key, look)
        return values, self.remembering(memory)

    def remember(self, real: Array, fake: Array) -> "GANContext":
        """The bout after the views have seen the critic's logits."""
        memory, real, fake = self.memory, self.logit(real), self.logit(fake)
        for name, view in carried(self.augment).items():
            memory = {**memory, name: view.remember(real, fake, *memory[name])}
        return self.remembering(memory)

    def _see(self, x: Array, stream: int) -> Array:
        key = random.fold_in(random.fold_in(self.key, VIEWS), stream)
        for number, view in enumerate(self.augment):
            own, name = random.fold_in(key, number), _name(number)
            if isinstance(view, CarriedView):
                x = view.see(x, own, self.step, *self.memory[name])
            else:
                x = view(x, own, self.step)
        return x

    def _apply(self, net: nn.Module, name: str, x: Array, stream: int) -> tuple[Array, dict]:
        key = self._dropout(stream)
        return apply(net, name, self.params, self.stats, x, self.cond, key=key)

    def _dropout(self, stream: int) -> Array:
        return random.fold_in(random.fold_in(self.key, DROPOUT), stream)


def carried(views: tuple) -> dict[str, CarriedView]:
    """The views that remember something, by the name of their memory."""
    return {_name(n): view for n, view in enumerate(views) if isinstance(view, CarriedView)}


def _name(number: int) -> str:
    return f"view{number}"
