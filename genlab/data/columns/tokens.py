"""Tokens: text of words that are known beforehand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from genlab.config import ConfigError, did_you_mean
from genlab.data import pictures


@dataclass(frozen=True)
class Tokens:
    """Text of up to `length` words of `vocabulary`: stored as int32 [L], the words' places in the
    vocabulary, filled up with 0; networks take and give each word one-hot, all in one vector,
    float32 [L * V] (`x.reshape(-1, L, V)` is the sequence).

    vocabulary: its first entry is "", no word

    Raises ConfigError for a vocabulary that does not begin so, or has a word twice.
    """

    vocabulary: tuple[str, ...]
    length: int
    registers: ClassVar[bool] = False
    coloured: ClassVar[bool] = False

    def __post_init__(self):
        words = self.vocabulary
        if len(words) < 2 or words[0] or not all(words[1:]) or len(set(words)) < len(words):
            raise ConfigError(
                f"a vocabulary of {len(words)} words, {words[:3]} ...: give '' first, then every "
                "word once"
            )
        if self.length < 1:
            raise ConfigError(f"texts of length={self.length}; expected one word or more")

    @property
    def stored(self) -> tuple[int, ...]:
        """(L,)."""
        return (self.length,)

    @property
    def shape(self) -> tuple[int, ...]:
        """(L * V,)."""
        return (self.length * len(self.vocabulary),)

    def check(self, name: str, values: Any) -> np.ndarray:
        """Integers 0 .. V - 1 [N, L], or texts [N], as int32 [N, L]."""
        values = np.asarray(values)
        if values.dtype.kind == "U" and values.ndim == 1:
            return np.stack([self.parse(text) for text in values.tolist()])
        if values.dtype.kind not in "iu" or values.shape[1:] != (self.length,):
            raise ConfigError(
                f"column {name!r}: tokens are {values.dtype} {values.shape}; they must be integers "
                f"[N, {self.length}] or text [N]"
            )
        odd = np.flatnonzero(((values < 0) | (values >= len(self.vocabulary))).any(axis=1))
        if odd.size:
            raise ConfigError(
                f"column {name!r}: row {odd[0]} is {values[odd[0]].tolist()} ({odd.size} of "
                f"{len(values)} rows are such); tokens must be 0 .. {len(self.vocabulary) - 1}"
            )
        return values.astype(np.int32)

    def load(self, values: Array) -> Array:
        """[B, L] to one-hot [B, L * V]."""
        hot = jax.nn.one_hot(values, len(self.vocabulary), dtype=jnp.float32)
        return hot.reshape(len(values), -1)

    def store(self, values: Any) -> np.ndarray:
        """The likeliest word at each place, int32 [N, L]."""
        values = np.asarray(values)
        words = values.reshape(len(values), self.length, len(self.vocabulary))
        return words.argmax(-1).astype(np.int32)

    def draw(self, values: np.ndarray, columns: int | None = None) -> np.ndarray:
        """The texts in a grid."""
        return pictures.grid(pictures.texts([self.text(row) for row in values]), columns)

    def write(self, value: np.ndarray, path: Path) -> Path:
        """The text in a text file."""
        file = path.with_name(f"{path.name}.txt")
        file.write_text(self.text(value) + "\n")
        return file

    def text(self, value: np.ndarray) -> str:
        """The words of one stored value, without the gaps."""
        return " ".join(self.vocabulary[i] for i in value if i)

    def parse(self, text: str) -> np.ndarray:
        """int32 [L] of a text; ConfigError for an unknown word, and for too many."""
        words = text.split()
        for word in words:
            if word not in self.vocabulary:
                hint = did_you_mean(word, self.vocabulary)
                raise ConfigError(f"no word {word!r} in the vocabulary{hint}")
        if len(words) > self.length:
            raise ConfigError(f"{text!r} has {len(words)} words, more than {self.length}")
        ids = [self.vocabulary.index(word) for word in words]
        return np.array(ids + [0] * (self.length - len(ids)), np.int32)
