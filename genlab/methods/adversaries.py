"""Adversaries of a VAE: critics of its latents, of its pictures, or of both together, as the part
`adversary` of its config. Each says which players the game has, and what they minimise; what they
make no use of, of the VAE's own fields, is in `unused` and refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float

from genlab.config import ConfigError, choose
from genlab.game import Player, apply, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import adversarial, total
from genlab.losses.objective import Objective
from genlab.runtime import collectives
from genlab.schedules import Weight

PRIOR_LATENTS, PERMUTED, CRITIC = 111, 112, 113  # streams under a move's key
CODE = "z"  # the latent among the columns that a joint critic is given


@dataclass(frozen=True)
class Prior:
    """A critic between the prior and the codes of examples, which the VAE deceives: the penalty of
    WAE-GAN (Tolstikhin et al. 2018, arXiv:1711.01558). Players `critic` and `vae`.

    critic: `Discriminator(mlp.Down)` of latents [B, Z]; objective: of `losses.adversarial`
    weight: of the generator's loss beside the VAE's own
    """

    critic: nn.Module
    objective: Objective | str = "nonsaturating"
    weight: Weight = 1.0
    trains_likelihood: ClassVar[bool] = True

    def init(self, key: Array, vae: Any, seen: Any) -> tuple[dict, dict]:
        """Network `critic`."""
        return fresh(self.critic, "critic", key, seen.drawn.z)

    def players(self, vae: Any) -> dict[str, Player]:
        """Two."""

        def loss(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            fooled = _deceiving(self, vae, params, seen, key)
            values = {**seen.values, "adversarial": fooled}
            value, metrics = total(values, {**vae.weights, "adversarial": self.weight}, step)
            return value, (seen.stats, metrics)

        return {**_critic_of_prior(self, vae), "vae": Player(loss, owns=vae.owned)}


@dataclass(frozen=True)
class AlternatingPrior:
    """The adversarial autoencoder (Makhzani et al. 2015, arXiv:1511.05644): `vae`
    reconstructs, then `critic` parts the prior from the codes, then `encoder` alone deceives it.
    """

    critic: nn.Module
    objective: Objective | str = "nonsaturating"
    trains_likelihood: ClassVar[bool] = True

    def init(self, key: Array, vae: Any, seen: Any) -> tuple[dict, dict]:
        """Network `critic`."""
        return fresh(self.critic, "critic", key, seen.drawn.z)

    def players(self, vae: Any) -> dict[str, Player]:
        """Three."""

        def loss(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            fooled = {"adversarial": _deceiving(self, vae, params, seen, key)}
            value, metrics = total(fooled, {}, step)
            return value, (seen.stats, metrics)

        first = {"vae": Player(vae.loss, owns=vae.owned)}
        return {**first, **_critic_of_prior(self, vae), "encoder": Player(loss, owns=("encoder",))}


@dataclass(frozen=True)
class TotalCorrelation:
    """A critic between codes and codes whose dimensions are permuted over the batch; its logit is
    the density ratio, whose mean the VAE minimises: FactorVAE (Kim & Mnih 2018, arXiv:1802.05983).
    The critic sees half of a batch and the other half permuted.

    weight: gamma
    """

    critic: nn.Module
    weight: Weight
    trains_likelihood: ClassVar[bool] = True

    def init(self, key: Array, vae: Any, seen: Any) -> tuple[dict, dict]:
        """Network `critic`."""
        return fresh(self.critic, "critic", key, seen.drawn.z)

    def players(self, vae: Any) -> dict[str, Player]:
        """Two."""

        def loss(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            logit, _ = apply(self.critic, "critic", params, seen.stats, seen.drawn.z, key=key)
            values = {**seen.values, "total_correlation": logit}
            value, metrics = total(values, {**vae.weights, "total_correlation": self.weight}, step)
            return value, (seen.stats, metrics)

        def parts(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            half = len(seen.drawn.z) // 2
            if not half:
                raise ConfigError("FactorVAE's critic needs batches of two examples or more")
            joint, other = seen.drawn.z[:half], seen.drawn.z[half : 2 * half]
            apart = permuted(other, random.fold_in(key, PERMUTED))
            (real, fake), stats = _judged(self.critic, params, stats, (joint, apart), (None,), key)
            values = {"critic": adversarial.nonsaturating.critic(real, fake)}
            value, metrics = total(values, {}, step)
            return value, (stats, metrics)

        return {"critic": Player(parts, owns=("critic",)), "vae": Player(loss, owns=vae.owned)}


@dataclass(frozen=True)
class Pictures:
    """VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): examples are
    compared by the features that the critic sows, and the decoder also makes pictures, of the prior
    and of codes, that the critic is to take for data. Players `critic`, `encoder` and `decoder`, at
    once; the encoder gets nothing of the critic's judgement.

    weight: gamma, of the distance in features for the decoder
    """

    critic: nn.Module
    objective: Objective | str = "nonsaturating"
    weight: Weight = 1e-2
    trains_likelihood: ClassVar[bool] = False
    unused: ClassVar[tuple[str, ...]] = ("regularisers", "comparison")

    def init(self, key: Array, vae: Any, seen: Any) -> tuple[dict, dict]:
        """Network `critic`."""
        return fresh(self.critic, "critic", key, seen.x, seen.cond)

    def players(self, vae: Any) -> dict[str, Player]:
        """Three."""

        def encode(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            values = {**seen.values, "distortion": self._distance(vae, params, seen)}
            value, metrics = total(values, vae.weights, step)
            return value, (seen.stats, metrics)

        def decode(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            real, fakes, stats = self._judged(vae, params, seen, key)
            fooled = self._mean([_objective(self).generator(real, fake) for fake in fakes])
            values = {"distortion": self._distance(vae, params, seen), "adversarial": fooled}
            value, metrics = total(values, {"distortion": self.weight}, step)
            return value, (stats, metrics)

        def judge(params, stats, batch, key, step):
            seen = vae.forward(params, stats, batch, key, step)
            real, fakes, stats = self._judged(vae, params, seen, key)
            parted = self._mean([_objective(self).critic(real, fake) for fake in fakes])
            value, metrics = total({"critic": parted}, {}, step)
            return value, (stats, metrics)

        encoder = tuple(name for name in vae.owned if name != "decoder")
        return {
            "critic": Player(judge, owns=("critic",)),
            "encoder": Player(encode, owns=encoder, beside=True),
            "decoder": Player(decode, owns=("decoder",), beside=True),
        }

    def _judged(self, vae: Any, params, seen: Any, key: Array):
        """Logits of data, and of samples of codes and of the prior; statistics."""
        made = vae.likelihood.mean(seen.theta)
        z = _of_prior(vae, params, seen, key)
        theta, stats = apply(vae.decoder, "decoder", params, seen.stats, z, seen.cond, key=key)
        three = (seen.x, made, vae.likelihood.mean(theta))
        (real, *fakes), stats = _judged(self.critic, params, stats, three, (seen.cond,), key)
        return real, fakes, stats

    def _distance(self, vae: Any, params, seen: Any) -> Float[Array, " b"]:
        """-log N(f(x); f(x~), I) up to a constant (Eq. 7)."""
        made = vae.likelihood.mean(seen.theta)
        both = [features(self.critic, params, seen.stats, x, seen.cond) for x in (seen.x, made)]
        return 0.5 * ((both[0] - both[1]) ** 2).sum(axis=1)

    def _mean(self, losses: list[Array]) -> Array:
        return sum(losses, jnp.zeros(())) / len(losses)


@dataclass(frozen=True)
class Joint:
    """ALI and BiGAN (Dumoulin et al. 2017, arXiv:1606.00704; Donahue et al. 2017,
    arXiv:1605.09782): the critic parts (x, E(x)) from (G(z), z), and encoder and decoder
    exchange the labels. The critic is given the latent as the condition "z". Players `critic` and
    `vae`, whose likelihood is not trained: its mean is G.
    """

    critic: nn.Module
    objective: Objective | str = "nonsaturating"
    trains_likelihood: ClassVar[bool] = False
    unused: ClassVar[tuple[str, ...]] = ("beta", "divergences", "regularisers", "comparison")

    def init(self, key: Array, vae: Any, seen: Any) -> tuple[dict, dict]:
        """Network `critic`."""
        return fresh(self.critic, "critic", key, seen.x, _with_code(seen.cond, seen.drawn.z))

    def players(self, vae: Any) -> dict[str, Player]:
        """Two."""

        def judge(params, stats, batch, key, step):
            real, fake, stats = self._judged(vae, params, stats, batch, key, step)
            value, metrics = total({"critic": _objective(self).critic(real, fake)}, {}, step)
            return value, (stats, metrics)

        def deceive(params, stats, batch, key, step):
            real, fake, stats = self._judged(vae, params, stats, batch, key, step)
            exchanged = _objective(self).critic(fake, real)
            value, metrics = total({"adversarial": exchanged}, {}, step)
            return value, (stats, metrics)

        return {"critic": Player(judge, owns=("critic",)), "vae": Player(deceive, owns=vae.owned)}

    def _judged(self, vae: Any, params, stats, batch, key: Array, step):
        seen = vae.forward(params, stats, batch, key, step)
        z = _of_prior(vae, params, seen, key)
        theta, stats = apply(vae.decoder, "decoder", params, seen.stats, z, seen.cond, key=key)
        examples = (seen.x, vae.likelihood.mean(theta))
        codes = [_with_code(seen.cond, code) for code in (seen.drawn.z, z)]
        (real, fake), stats = _judged(self.critic, params, stats, examples, codes, key)
        return real, fake, stats


def permuted(z: Latents, key: Array) -> Latents:
    """Each dimension permuted by itself over the global batch (Kim & Mnih 2018)."""
    every = collectives.gather(z)
    keys = random.split(key, z.shape[1])
    apart = jax.vmap(random.permutation, in_axes=(0, 1), out_axes=1)(keys, every)
    return collectives.own_rows(apart, len(z))


def features(net: nn.Module, params, stats, x: Examples, cond: Conditions) -> Float[Array, "b d"]:
    """What a critic sows as "features"; ConfigError for one that sows none."""
    held = stats.get("critic", {})
    _, found = net.apply(
        {"params": params["critic"], **held}, x, cond, train=False, mutable=["intermediates"]
    )
    for path, value in jax.tree_util.tree_leaves_with_path(found.get("intermediates", {})):
        if any(getattr(part, "key", "") == "features" for part in path):
            return value
    raise ConfigError(
        f"{type(net).__name__} sows no features for VAE-GAN to compare: give nets.Discriminator"
    )


def check_objective(of: Any) -> None:
    """ConfigError for an adversary's objective that is none of plain logits."""
    if hasattr(of, "objective") and (_objective(of).start or _objective(of).columns):
        raise ConfigError(
            f"method.adversary.objective={of.objective!r} has a memory or several numbers for an "
            "example: give one of plain logits, as nonsaturating, hinge or wasserstein"
        )


def _objective(of: Any) -> Objective:
    found = choose(adversarial, of.objective)
    return found if isinstance(found, Objective) else found()


def _of_prior(vae: Any, params, seen: Any, key: Array) -> Latents:
    noise = vae.latents(random.fold_in(key, PRIOR_LATENTS), len(seen.x))
    return vae.prior_latents(params, seen.stats, noise, seen.cond)


def _judged(critic: nn.Module, params, stats, examples, conds, key: Array):
    """The critic's logits of each, and its statistics; one of `conds` is that of all."""
    found, conds = [], list(conds) * (len(examples) // len(conds))
    for number, (x, cond) in enumerate(zip(examples, conds, strict=True)):
        own = random.fold_in(random.fold_in(key, CRITIC), number)
        logit, stats = apply(critic, "critic", params, stats, x, cond, key=own)
        found.append(logit)
    return found, stats


def _deceiving(of: Any, vae: Any, params, seen: Any, key: Array) -> Float[Array, " b"]:
    """The generator's loss of an encoder."""
    both = (_of_prior(vae, params, seen, key), seen.drawn.z)
    (real, fake), _ = _judged(of.critic, params, seen.stats, both, (None,), key)
    return _objective(of).generator(real, fake)


def _critic_of_prior(of: Any, vae: Any) -> dict[str, Player]:
    def loss(params, stats, batch, key, step):
        seen = vae.forward(params, stats, batch, key, step)
        both = (_of_prior(vae, params, seen, key), seen.drawn.z)
        (real, fake), stats = _judged(of.critic, params, seen.stats, both, (None,), key)
        value, metrics = total({"critic": _objective(of).critic(real, fake)}, {}, step)
        return value, (stats, metrics)

    return {"critic": Player(loss, owns=("critic",))}


def _with_code(cond: Mapping[str, Array] | None, z: Latents) -> dict[str, Array]:
    if CODE in (cond or {}):
        raise ConfigError(
            f"method.given names {CODE!r}, which is what the critic of adversaries.Joint is given "
            "the latent as: give the column another name"
        )
    return {**(cond or {}), CODE: z}
