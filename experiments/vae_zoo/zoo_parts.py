"""What the autoencoders of `zoo.py` have in common: sizes, likelihoods, evaluators, critics."""

import optax

from genlab import spec
from genlab.evaluation.codebook import CodebookUsage
from genlab.evaluation.evaluators import Bound, Fidelity, Reconstruction
from genlab.features import Domain
from genlab.losses import likelihood
from genlab.nets import Discriminator, mlp

LATENT, HIDDEN = 16, (256, 256)
POSITIONS, CODES = 16, 64
PIXELS = spec(likelihood.discretised_logistic)
SCALED = spec(likelihood.learned_gaussian)
COMPARED = {"reconstruction": spec(Reconstruction)}
SEEN = {
    "fidelity": spec(Fidelity, spec(Domain, spec(mlp.Down, (256, 64), activation="relu")), draws=4),
    **COMPARED,
}
BOUNDED = {**SEEN, "bound": spec(Bound, 32)}
CODED = {"codes": spec(CodebookUsage), **COMPARED}
ADAM = spec(optax.adam, 1e-3)
CRITIC = spec(Discriminator, spec(mlp.Down, HIDDEN))


def run(variant: str) -> str:
    """Where the run of a variant is, of the same sweep and seed."""
    return f"{{sweep}}/{variant}/seed{{seed}}"
