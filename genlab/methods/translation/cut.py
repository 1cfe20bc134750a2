"""CUT: one direction without a way back; a patch of the translation is to have more in common with
the patch it was made of than with others of the picture (Park et al. 2020, arXiv:2007.15651).

The generator's own encoder says what patches have in common: the maps that it sows as "features",
`translation.ResNet`'s are the paper's. FastCUT is `identity=False, contrast=10.0`.
"""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.game import Player, apply
from genlab.game.abilities import Examples
from genlab.losses import total
from genlab.losses.adversarial import Objective
from genlab.losses.features import patch_nce
from genlab.methods.translation import domains as of_two
from genlab.methods.translation.play import Play, as_many_channels, begun, fits, on_logits
from genlab.schedules import Weight

PLACES = 113  # a stream of randomness under a move's key
Maps = tuple[Float[Array, "b h w c"], ...]


class Heads(nn.Module):
    """Two layers on the features of every position, one network for each map, to unit length
    (Section 3.1; PatchSampleF of the authors' code: 560,384 parameters on ResNet-9's maps).
    """

    width: int = 256

    @nn.compact
    def __call__(self, *maps: Float[Array, "b s c"]) -> tuple[Float[Array, "b s w"], ...]:
        """Of each map's positions."""
        found = []
        for number, x in enumerate(maps):
            hidden = nn.relu(nn.Dense(self.width, name=f"first_{number}")(x))
            x = nn.Dense(self.width, name=f"second_{number}")(hidden)
            found.append(x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-7))
        return tuple(found)


@dataclass(frozen=True)
class CUT:
    """Players `disc`, `gen`, and `heads`, which moves with `gen` and minimises the contrast too.

    generator: `nets.Translator` of a trunk that sows its encoder's maps as "features"
    domains:   the columns A and B, of `data.unpaired`: A is translated to B
    heads:     on the maps, before they are compared; None for the paper's, `Heads()`
    contrast:  weight of PatchNCE
    identity:  whether B's own pictures, translated, are compared with themselves as well; the
               contrast is the mean of both then
    patches:   positions of each map that are compared, at most all
    temperature: tau
    """

    generator: nn.Module
    discriminator: nn.Module
    domains: tuple[str, str]
    heads: nn.Module | None = None
    objective: str | Objective = "least_squares"
    contrast: Weight = 1.0
    identity: bool = True
    patches: int = 256
    temperature: float = 0.07

    makes, given = of_two.makes, of_two.given
    latents, generate = of_two.latents, of_two.generate

    def __post_init__(self):
        of_two.check(self.domains, "CUT")
        on_logits(self.objective, "CUT")
        if self.patches < 2 or not self.temperature > 0:
            raise ConfigError(
                f"CUT(patches={self.patches}, temperature={self.temperature}): 2 patches or more, "
                "a temperature above 0"
            )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        heads = Heads() if self.heads is None else self.heads
        return {"gen": self.generator, "disc": self.discriminator, "heads": heads}

    def init(self, key: Array, batch: dict) -> tuple[dict, dict]:
        """Networks `gen`, `disc`, `heads`; ConfigError for a generator that sows no features."""
        a, b = (batch[name] for name in self.domains)
        if self.identity:
            both = dict(zip(self.domains, (a, b), strict=True))
            as_many_channels("CUT.identity", both, ", or set identity=False")
        inputs = {"gen": (None, {"x": a}), "disc": (b,)}
        params, stats = begun(self.networks, key, inputs)
        play = Play(self.networks, params, stats, key)
        fits("CUT.generator", play("gen", *inputs["gen"]), b, self.domains[1])
        seen = sampled(self._maps(params, stats, a), key, self.patches)
        more = begun(self.networks, random.fold_in(key, 2), {"heads": seen})
        return {**params, **more[0]}, {**stats, **more[1]}

    def players(self) -> dict[str, Player]:
        """The critic, then generator and heads at once."""
        return {
            "disc": Player(self.critic_loss, owns=("disc",)),
            "gen": Player(self.generator_loss, owns=("gen",)),
            "heads": Player(self.generator_loss, owns=("heads",), beside=True),
        }

    def critic_loss(self, params, stats, batch, key, step):
        """E[critic(D(b), D(G(a)))]."""
        a, b = (batch[name] for name in self.domains)
        play = Play(self.networks, params, stats, key)
        losses = self._objective.critic(play("disc", b), play("disc", play("gen", None, {"x": a})))
        loss, metrics = total({"adversarial": losses}, {}, step)
        return loss, (play.stats, metrics)

    def generator_loss(self, params, stats, batch, key, step):
        """L_GAN(G, D) + contrast (PatchNCE(a, G(a)) + PatchNCE(b, G(b))) / 2: Eq. 5, as in the
        authors' code; PatchNCE(a, G(a)) alone without identity.
        """
        a, b = (batch[name] for name in self.domains)
        play = Play(self.networks, params, stats, key)
        fake = play("gen", None, {"x": a})
        contrasts = self._contrast(play, a, fake, random.fold_in(key, PLACES))
        if self.identity:
            again = play("gen", None, {"x": b})
            of_b = self._contrast(play, b, again, random.fold_in(key, PLACES + 1))
            contrasts = (contrasts + of_b) / 2
        generator = self._objective.generator(play("disc", b), play("disc", fake))
        terms = {"adversarial": generator, "contrast": contrasts}
        loss, metrics = total(terms, {"contrast": self.contrast}, step)
        return loss, (play.stats, metrics)

    def translations(self) -> tuple[tuple[str, str], ...]:
        """One direction."""
        return (self.domains,)

    def translate(self, params, stats, x: Examples, to: str) -> Examples:
        """Examples of the first domain in the second; ConfigError for the way back."""
        if of_two.column_of(self.domains, to) == 0:
            raise ConfigError(f"CUT translates {self.domains[0]!r} to {self.domains[1]!r} only")
        return apply(self.generator, "gen", params, stats, None, {"x": x}, train=False)[0]

    @property
    def _objective(self) -> Objective:
        return on_logits(self.objective, "CUT")

    def _contrast(self, play: Play, x: Array, made: Array, key: Array) -> Float[Array, " b"]:
        """PatchNCE of `made`, whose patches are the queries, with `x`, the keys (Eq. 4)."""
        of_x, of_made = (self._maps(play.params, play.stats, y) for y in (x, made))
        keys = play("heads", *sampled(of_x, key, self.patches))
        queries = play("heads", *sampled(of_made, key, self.patches))
        return patch_nce(queries, keys, temperature=self.temperature)

    def _maps(self, params, stats, x: Array) -> Maps:
        """What the generator's encoder sows of `x`."""
        held = {"params": params["gen"], **stats.get("gen", {})}
        moving = [*stats.get("gen", {}), "intermediates"]
        dropout = {"dropout": random.key(0)}
        _, new = self.generator.apply(held, None, {"x": x}, rngs=dropout, mutable=moving)
        found = jax.tree_util.tree_leaves_with_path(new.get("intermediates", {}))
        maps = [v for path, v in found if any(getattr(p, "key", "") == "features" for p in path)]
        if not maps:
            raise ConfigError(
                "CUT.generator sows no features of its encoder: use translation.ResNet, or call "
                'self.sow("intermediates", "features", x) in its encoder'
            )
        return tuple(maps)


def sampled(maps: Maps, key: Array, patches: int) -> tuple[Float[Array, "b s c"], ...]:
    """`patches` random positions of each map, at most all: the same in every picture."""
    found = []
    for number, x in enumerate(maps):
        flat = x.reshape(len(x), -1, x.shape[-1])
        order = random.permutation(random.fold_in(key, number), flat.shape[1])
        found.append(flat[:, order[:patches]])
    return tuple(found)
