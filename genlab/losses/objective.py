"""What an adversarial objective is: the losses of two players in the critic's logits."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

Logits = Float[Array, "b *patches"]
Scales = tuple[Logits, ...]  # of a critic that judges at several scales
Scalar = Float[Array, ""] | float
Memory = tuple[Scalar, ...]
Loss = Callable[..., Logits]  # (real, fake, *memory)
OfLogit = Callable[[Logits], Logits]


def _unchanged(real: Logits, fake: Logits, *memory: Scalar) -> Memory:
    return memory


class Objective(NamedTuple):
    """A pair of losses (real, fake, *memory) -> unreduced losses, both minimised.

    labels:   losses of one logit whose label is "data", and "sample", which label smoothing mixes;
              None where the objective has no labels to smooth (pairs, scores, energies)
    start:    the memory before the first round
    remember: (real, fake, *memory) -> memory, after each of the critic's moves
    columns:  how many numbers the critic gives for each image, where one logit is not enough
    """

    critic: Loss
    generator: Loss
    labels: tuple[OfLogit, OfLogit] | None = None
    start: tuple[float, ...] = ()
    remember: Callable[..., Memory] = _unchanged
    columns: int = 0

    def logit(self, given: Array | Scales) -> Array:
        """The one logit, or patch logits, in what the critic gives: the first of its numbers; of
        several scales the mean of each example's.
        """
        if isinstance(given, tuple):
            return over_scales(lambda logits: logits)(given)
        return given[..., 0] if self.columns else given


def over_scales(of_one: Callable[..., Logits]) -> Callable[..., Logits]:
    """`of_one` of logits, or of tuples of them, one for each scale of a critic: then the mean over
    scales of an example's mean over patches, [b] (Wang et al. 2018, arXiv:1711.11585, Section 3.2,
    have their sum; Park et al. 2019, arXiv:1903.07291, in their code the mean).
    """

    def of_all(first: Array | Scales, *others: Array | Scales) -> Array:
        if not isinstance(first, tuple):
            return of_one(first, *others)
        each = [of_one(*logits) for logits in zip(first, *others, strict=True)]
        means = [x.reshape(len(x), -1).mean(1) for x in each]
        return jnp.stack(means).mean(0)

    return of_all


def scaled(objective: Objective) -> Objective:
    """`objective`, of critics at several scales too; ones with a memory keep it of one alone."""
    if objective.start or objective.columns:
        return objective
    return objective._replace(
        critic=over_scales(objective.critic), generator=over_scales(objective.generator)
    )
