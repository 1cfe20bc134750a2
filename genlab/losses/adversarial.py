"""Adversarial objectives: what the critic and the generator minimise, per example, as functions of
both logits.

Notation of the papers: D(x) a probability, here `sigmoid(logit)`; `real` and `fake` are the
critic's logits [B] (or patch logits [B, h, w]) on data and on samples. Every function is finite,
value and gradient, for any finite logit.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

_softplus = jax.nn.softplus  # softplus(-l) = -log sigmoid(l), softplus(l) = -log(1 - sigmoid(l))


class Objective(NamedTuple):
    """A pair of losses (real, fake) -> unreduced losses, both minimised; relativistic ones use both
    arguments.
    """

    critic: Callable
    generator: Callable


minimax = Objective(
    critic=lambda real, fake: _softplus(-real) + _softplus(fake),
    generator=lambda real, fake: -_softplus(fake),
)
"""The zero-sum game: G minimises log(1 - D(G(z))) (Goodfellow et al. 2014, arXiv:1406.2661, Eq. 1).
"""

nonsaturating = Objective(
    critic=minimax.critic,
    generator=lambda real, fake: _softplus(-fake),
)
"""G maximises log D(G(z)) instead (Goodfellow et al. 2014, arXiv:1406.2661, Section 3)."""

least_squares = Objective(
    critic=lambda real, fake: 0.5 * ((real - 1) ** 2 + fake**2),
    generator=lambda real, fake: 0.5 * (fake - 1) ** 2,
)
"""LSGAN with targets a=0, b=c=1, on logits (Mao et al. 2017, arXiv:1611.04076, Eq. 9)."""

wasserstein = Objective(
    critic=lambda real, fake: fake - real,
    generator=lambda real, fake: -fake,
)
"""The dual of W1 for a 1-Lipschitz critic (Arjovsky et al. 2017, arXiv:1701.07875, Eq. 2 and
Algorithm 1).
"""

hinge = Objective(
    critic=lambda real, fake: jax.nn.relu(1 - real) + jax.nn.relu(1 + fake),
    generator=lambda real, fake: -fake,
)
"""The hinge version (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, Eqs.
16-17).
"""
