"""Recurrent networks of sequences, "b l v": a trunk down, and a decoder that writes one word after
another (Bowman et al. 2016, arXiv:1511.06349; gated units of Cho et al. 2014, arXiv:1406.1078).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab.config import ConfigError
from genlab.nets.conditions import Conditions
from genlab.runtime import collectives


class Down(nn.Module):
    """A sequence, [B, L * V] as columns of tokens are given, to the last state of a GRU."""

    vocabulary: int
    width: int = 128

    @nn.compact
    def __call__(
        self, x: Float[Array, "b lv"], cond: Conditions | None = None, train: bool = True
    ) -> Float[Array, "b d"]:
        """Features, `width` of them; `cond` is not used."""
        words = sequence(x, self.vocabulary)
        start = collectives.varying(jnp.zeros((len(words), self.width)))
        network = nn.RNN(nn.GRUCell(self.width), return_carry=True)
        return network(words, initial_carry=start)[0]


class Decoder(nn.Module):
    """Latents to a sequence of `length` words: each word's logits are a function of the latent and
    of the words before it. Those are one-hot, with one more entry that says "not given".
    """

    vocabulary: int
    length: int
    width: int = 128

    def setup(self):
        """Its parts, used by both ways of running it."""
        self.start = nn.Dense(self.width)
        self.cell = nn.GRUCell(self.width)
        self.words = nn.Dense(self.vocabulary)

    def __call__(
        self, z: Float[Array, "b z"], before: Float[Array, "b l v1"], train: bool = True
    ) -> Float[Array, "b l v"]:
        """Logits of each word, given those `before` it."""

        def step(mdl, state, word):
            return mdl._word(state, word, z)

        return _scanned(step, 1)(self, jnp.tanh(self.start(z)), before)[1]

    def greedy(self, z: Float[Array, "b z"]) -> Float[Array, "b l v"]:
        """The likeliest word after the likeliest words, one-hot; after the first word 0, none."""

        def step(mdl, carry, _):
            state, word, open_ = carry
            state, logits = mdl._word(state, word, z)
            chosen = jnp.where(open_, logits.argmax(axis=-1), 0)
            shown = jax.nn.one_hot(chosen, mdl.vocabulary)
            return (state, jnp.pad(shown, ((0, 0), (0, 1))), open_ & (chosen > 0)), shown

        first = jnp.zeros((len(z), self.vocabulary + 1)), jnp.ones(len(z), bool)
        steps = jnp.zeros((1, self.length))
        return _scanned(step, 1)(self, (jnp.tanh(self.start(z)), *first), steps)[1]

    def _word(self, state: Array, word: Array, z: Array) -> tuple[Array, Array]:
        state, out = self.cell(state, jnp.concatenate([word, z], axis=-1))
        return state, self.words(out)


def sequence(x: Float[Array, "b lv"], vocabulary: int) -> Float[Array, "b l v"]:
    """The words of a column of tokens. ConfigError for another vocabulary."""
    if x.ndim != 2 or x.shape[1] % vocabulary:
        raise ConfigError(
            f"sequences of {x.shape[1:]} numbers hold no whole words of a vocabulary of "
            f"{vocabulary}: set it to that of the data's column"
        )
    return x.reshape(len(x), -1, vocabulary)


def _scanned(step, axis: int):
    return nn.scan(
        step, variable_broadcast="params", split_rngs={"params": False}, in_axes=axis, out_axes=axis
    )
