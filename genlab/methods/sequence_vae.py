"""The VAE of sequences with a recurrent decoder (Bowman et al. 2016, arXiv:1511.06349)."""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.game import Player, apply, fresh
from genlab.game.abilities import Conditions, Examples, Latents
from genlab.losses import total
from genlab.losses.divergence import gaussian_kl, gaussian_log_prob
from genlab.nets.recurrent import sequence
from genlab.schedules import Weight, at

WORDS = 115  # a stream of randomness under a move's key: which words are dropped


@dataclass(frozen=True)
class SequenceVAE:
    """Player `vae`, which owns `encoder` and `decoder`.

    encoder: `Encoder(recurrent.Down(V))` of a column of tokens
    decoder: `recurrent.Decoder`, which is given the words before each word
    beta: weight of the KL, often a schedule: without one, the latent tends not to be used
    word_dropout: share of the words before that the decoder is not given in training
    """

    encoder: nn.Module
    decoder: nn.Module
    beta: Weight = 1.0
    word_dropout: Weight = 0.0
    makes: str = "text"
    given: tuple[str, ...] = ()

    def __post_init__(self):
        if self.given:
            raise ConfigError("a sequence VAE is given nothing: leave `given` out")
        share = self.word_dropout
        if isinstance(share, int | float) and not 0 <= share <= 1:
            raise ConfigError(f"word_dropout is {share}: it is a share of the words, 0 to 1")

    @property
    def latent(self) -> int:
        """Dimension of z."""
        return self.encoder.latent

    def init(self, key: PRNGKeyArray, batch: dict) -> tuple[dict, dict]:
        """Networks `encoder` and `decoder`; ConfigError for words that do not fit the data."""
        x = batch[self.makes]
        words = self._words(x)
        if words.shape[1] != self.decoder.length:
            raise ConfigError(
                f"the data have {words.shape[1]} words, the decoder writes {self.decoder.length}: "
                f"set method.decoder.length={words.shape[1]}"
            )
        params, stats = fresh(self.encoder, "encoder", random.fold_in(key, 0), x)
        z = jnp.zeros((len(x), self.latent))
        made = fresh(self.decoder, "decoder", random.fold_in(key, 1), z, before(words))
        return {**params, **made[0]}, {**stats, **made[1]}

    def players(self) -> dict[str, Player]:
        """One."""
        return {"vae": Player(self.loss, owns=("encoder", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        """E_q[-log p(x | z)] + beta KL(q(z | x) || p(z)), nats per sequence."""
        x = batch[self.makes]
        (mean, log_variance), stats = apply(self.encoder, "encoder", params, stats, x, key=key)
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        words = self._words(x)
        kept = 1 - at(self.word_dropout, step)
        keep = random.bernoulli(random.fold_in(key, WORDS), kept, words.shape[:2])
        logits, stats = apply(
            self.decoder, "decoder", params, stats, z, before(words, keep), key=key
        )
        values = {
            "distortion": -log_probability(logits, words),
            "kl": gaussian_kl(mean, log_variance),
        }
        loss, metrics = total(values, {"kl": self.beta}, step)
        return loss, (stats, metrics)

    def latents(self, key: PRNGKeyArray, n: int) -> Latents:
        """`n` of z ~ N(0, I)."""
        return random.normal(key, (n, self.latent))

    def generate(self, params, stats, z: Latents, cond: Conditions = None) -> Examples:
        """The likeliest word after the likeliest words, one-hot [B, L * V]."""
        made, _ = apply(self.decoder, "decoder", params, stats, z, method="greedy")
        return made.reshape(len(z), -1)

    def encode(self, params, stats, x: Examples, cond: Conditions = None) -> Latents:
        """The posterior's mean."""
        return self._posterior(params, stats, x)[0]

    def reconstruct(self, params, stats, x: Examples, cond: Conditions = None) -> Examples:
        """Written anew from the posterior's mean."""
        return self.generate(params, stats, self.encode(params, stats, x))

    def log_likelihood(
        self, params, stats, x: Examples, z: Latents, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x | z), nats: of the words up to the first that is none, and of that one."""
        words = self._words(x)
        logits, _ = apply(self.decoder, "decoder", params, stats, z, before(words), train=False)
        return log_probability(logits, words)

    def log_weight(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Float[Array, " b"]:
        """log p(x, z) - log q(z | x) at one z ~ q(z | x), nats."""
        mean, log_variance = self._posterior(params, stats, x)
        z = mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)
        joint = self.log_likelihood(params, stats, x, z) + gaussian_log_prob(z)
        return joint - gaussian_log_prob(z, mean, log_variance)

    def posterior_draw(
        self, params, stats, x: Examples, key: PRNGKeyArray, cond: Conditions = None
    ) -> Latents:
        """z ~ q(z | x), one of each sequence."""
        mean, log_variance = self._posterior(params, stats, x)
        return mean + jnp.exp(log_variance / 2) * random.normal(key, mean.shape)

    def unit_kl(self, params, stats, x: Examples, cond: Conditions = None) -> Float[Array, "b z"]:
        """KL of each unit's Gaussian to N(0, 1), nats."""
        mean, log_variance = self._posterior(params, stats, x)
        return gaussian_kl(mean[..., None], log_variance[..., None])

    def _posterior(self, params, stats, x: Examples) -> tuple[Latents, Latents]:
        return apply(self.encoder, "encoder", params, stats, x, train=False)[0]

    def _words(self, x: Examples) -> Float[Array, "b l v"]:
        return sequence(x, self.decoder.vocabulary)


def before(
    words: Float[Array, "b l v"], keep: Float[Array, "b l"] | None = None
) -> Float[Array, "b l v1"]:
    """For each word the one before it, none for the first; those that are not kept are dropped, and
    say so in one more entry.
    """
    if keep is None:
        keep = jnp.ones(words.shape[:2], bool)
    shown = keep.astype(words.dtype)[..., None]
    marked = jnp.concatenate([words * shown, 1 - shown], axis=-1)
    return jnp.pad(marked, ((0, 0), (1, 0), (0, 0)))[:, :-1]


def log_probability(
    logits: Float[Array, "b l v"], words: Float[Array, "b l v"]
) -> Float[Array, " b"]:
    """The sum over the words up to the first word 0, which ends a text, and over that one."""
    each = (jax.nn.log_softmax(logits, axis=-1) * words).sum(axis=-1)
    ended = jnp.cumsum(words[..., 0], axis=1) - words[..., 0] > 0
    return jnp.where(ended, 0.0, each).sum(axis=1)
