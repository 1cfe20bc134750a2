"""VQ-GAN: a quantised autoencoder beside a critic of patches (Esser et al. 2021, arXiv:2012.09841,
Section 3.1). Its codes get a prior as a VQ-VAE's do, `methods.CodePrior`.
"""

from dataclasses import dataclass, field

import flax.linen as nn
import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError, choose, did_you_mean
from genlab.game import Player, apply, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import adversarial, total
from genlab.losses.objective import Objective
from genlab.methods import vq
from genlab.methods.gan.comparison import Comparison
from genlab.nets.quantise.contract import Codes
from genlab.runtime import collectives
from genlab.schedules import Weight, at

LARGEST = 1e4  # adaptive weight, as in the authors' code
SMALLEST = 1e-4  # added to the gradient that divides it


@dataclass(frozen=True)
class VQGAN:
    """Players `vae`, which owns `encoder`, `quantiser` and `decoder`, and `disc`, the critic.

    comparison:  of reconstruction and picture; the paper's is L1 and LPIPS
    objective:   a name in `losses.adversarial`, or an Objective, of the critic's logits
    weight:      of the adversarial loss, times the adaptive weight of Eq. 7
    start:       the round from which the critic takes part
    last:        path of the decoder's last kernel, from whose gradients the adaptive weight is made
    """

    encoder: nn.Module
    quantiser: nn.Module
    decoder: nn.Module
    discriminator: nn.Module
    comparison: Comparison = field(default_factory=lambda: Comparison({"l1": 1.0}))
    objective: str | Objective = "hinge"
    weight: Weight = 0.8
    start: int = 0
    last: str = "image.kernel"
    makes: str = "image"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        if self.given:
            raise ConfigError(
                f"method.given={self.given}: the codes of a VQGAN depend on nothing else; give "
                "conditions to the prior of its codes, CodePrior(given=...)"
            )
        if self._objective.start or self._objective.columns:
            raise ConfigError(
                f"method.objective={self.objective!r} has a memory or several numbers for a "
                "picture: give one of plain logits, as hinge or nonsaturating"
            )

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The modules by the names of their networks."""
        coded = {"encoder": self.encoder, "quantiser": self.quantiser, "decoder": self.decoder}
        return {**coded, "disc": self.discriminator}

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """The networks; ConfigError where they do not fit the data, or `last` names no kernel."""
        x = batch[self.makes]
        params, stats, made = vq.fresh_autoencoder(self, key, x)
        if made.shape != x.shape:
            raise ConfigError(
                f"the decoder makes {made.shape[1:]}, the data are {x.shape[1:]}: set "
                f"method.decoder.shape={x.shape[1:]}"
            )
        known = flatten_dict(params["decoder"], sep=".")
        if self.last not in known:
            hint = did_you_mean(self.last, known) or f"; there is {', '.join(known)}"
            raise ConfigError(f"method.last={self.last!r} is no parameter of the decoder{hint}")
        for held in (
            fresh(self.discriminator, "disc", random.fold_in(key, 3), x, None),
            self.comparison.init(random.fold_in(key, 4), x),
        ):
            params, stats = {**params, **held[0]}, {**stats, **held[1]}
        return params, stats

    def players(self) -> dict[str, Player]:
        """The autoencoder moves first, then the critic."""
        coder = Player(self.coder_loss, owns=("encoder", "quantiser", "decoder"))
        return {"vae": coder, "disc": Player(self.critic_loss, owns=("disc",))}

    def coder_loss(self, params, stats, batch, key, step):
        """The comparison and the quantiser's losses + weight x lambda x E[generator's loss of
        D(x^)], lambda = |grad of the comparison| / (|grad of the adversarial loss| + 1e-4) at the
        decoder's last kernel, a constant (Esser et al. 2021, Eqs. 6-7).
        """
        x = batch[self.makes]
        found, made, stats = vq.through(self, params, stats, x, key)
        own = random.fold_in(key, 3)
        compared = self.comparison.values(params, stats, [made], x, own, step)
        against, stats = self._against(params, stats, x, made, key)
        balance = self._balance(params, stats, found.z, x, key, step)
        values = {**compared, **found.losses, "adversarial": balance * against}
        weights = {**self.comparison.weights, **self.quantiser.weights}
        weights["adversarial"] = at(self.weight, step) * (step >= self.start)
        loss, metrics = total(values, weights, step)
        seen = vq.usage(found.codes, self.quantiser.sizes)
        return loss, (stats, {**metrics, "adversarial": against.mean(), "balance": balance, **seen})

    def critic_loss(self, params, stats, batch, key, step):
        """E[critic's loss of D(x) and D(x^)], from round `start` on."""
        x = batch[self.makes]
        _, made, _ = vq.through(self, params, stats, x, key)
        real, stats = self._judged(params, stats, x, random.fold_in(key, 5))
        fake, stats = self._judged(params, stats, made, random.fold_in(key, 6))
        values = {"adversarial": self._objective.critic(real, fake)}
        loss, metrics = total(values, {"adversarial": 1.0 * (step >= self.start)}, step)
        return loss, (stats, {**metrics, "real": real.mean(), "fake": fake.mean()})

    def quantise(self, params, stats, x: Examples, cond: Conditions = None) -> Codes:
        """The codes of examples."""
        return vq.quantised(self, params, stats, x).codes

    def codebook_sizes(self) -> tuple[int, ...]:
        """How many codes there are, for each map of codes."""
        return self.quantiser.sizes

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The vectors of the codes, joined into one."""
        return vq.quantised(self, params, stats, x).z.reshape(len(x), -1)

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """The decoder's picture of the codes, in [-1, 1]."""
        z = vq.quantised(self, params, stats, x).z
        return jnp.clip(vq.decoded(self, params, stats, z), -1, 1)

    @property
    def _objective(self) -> Objective:
        if isinstance(self.objective, Objective):
            return self.objective
        found = choose(adversarial, self.objective)
        return found if isinstance(found, Objective) else found()

    def _judged(self, params, stats, x: Array, key: Array) -> tuple[Array, dict]:
        return apply(self.discriminator, "disc", params, stats, x, None, key=key)

    def _against(self, params, stats, x: Array, made: Array, key: Array) -> tuple[Array, dict]:
        """The autoencoder's adversarial loss, of each logit."""
        real, stats = self._judged(params, stats, x, random.fold_in(key, 5))
        fake, stats = self._judged(params, stats, made, random.fold_in(key, 6))
        return self._objective.generator(real, fake), stats

    def _balance(self, params, stats, z: Array, x: Array, key: Array, step) -> Float[Array, ""]:
        """The adaptive weight lambda."""
        flat = flatten_dict(lax.stop_gradient(params["decoder"]), sep=".")
        fixed = {**lax.stop_gradient(dict(params)), "decoder": None}

        def made(kernel: Array) -> tuple[dict, Array]:
            decoder = unflatten_dict({**flat, self.last: kernel}, sep=".")
            here = {**fixed, "decoder": decoder}
            own = random.fold_in(key, 2)
            drawn, _ = apply(
                self.decoder, "decoder", here, stats, lax.stop_gradient(z), None, key=own
            )
            return here, drawn

        def compared(kernel: Array) -> Array:
            here, drawn = made(kernel)
            values = self.comparison.values(here, stats, [drawn], x, random.fold_in(key, 3), step)
            return total(values, self.comparison.weights, step)[0]

        def against(kernel: Array) -> Array:
            here, drawn = made(kernel)
            return self._against(here, stats, x, drawn, key)[0].mean()

        last = flat[self.last]
        slopes = collectives.mean([collectives.grad(of, last) for of in (compared, against)])
        norms = [optax.tree.norm(slope) for slope in slopes]
        return lax.stop_gradient(jnp.clip(norms[0] / (norms[1] + SMALLEST), 0.0, LARGEST))
