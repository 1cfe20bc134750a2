"""What an adversarial objective is: the losses of two players in the critic's logits."""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array
from jaxtyping import Float

Logits = Float[Array, "b *patches"]
Scalar = Float[Array, ""] | float
Memory = tuple[Scalar, ...]
Loss = Callable[..., Logits]  # (real, fake, *memory)
OfLogit = Callable[[Logits], Logits]


def _unchanged(real: Logits, fake: Logits, *memory: Scalar) -> Memory:
    return memory


class Objective(NamedTuple):
    """A pair of losses (real, fake, *memory) -> unreduced losses, both minimised.

    labels: losses of one logit whose label is "data", and "sample", which label smoothing mixes;
    None where the objective has no labels to smooth (pairs, scores, energies).
    start: the memory before the first round; remember: (real, fake, *memory) -> memory, after each
    of the critic's moves.
    columns: how many numbers the critic gives for each image, where one logit is not enough.
    """

    critic: Loss
    generator: Loss
    labels: tuple[OfLogit, OfLogit] | None = None
    start: tuple[float, ...] = ()
    remember: Callable[..., Memory] = _unchanged
    columns: int = 0

    def logit(self, given: Array) -> Array:
        """The one logit, or patch logits, in what the critic gives: the first of its numbers."""
        return given[..., 0] if self.columns else given
