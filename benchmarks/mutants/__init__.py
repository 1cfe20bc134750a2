"""Changes that `benchmarks/mutations.py` makes to the code; a test has to notice each."""

from mutants.augment import AUGMENT
from mutants.checkpoints import CHECKPOINTS
from mutants.conditional import CONDITIONAL
from mutants.control import CONTROLS
from mutants.data import DATA
from mutants.discrete import DISCRETE
from mutants.editing import EDITING
from mutants.feedback import FEEDBACK
from mutants.latent import DIVERGENCES
from mutants.likelihoods import LIKELIHOODS
from mutants.metrics import METRICS
from mutants.mutant import Mutant
from mutants.networks import NETWORKS
from mutants.objectives import OBJECTIVES
from mutants.options import OPTIONS
from mutants.penalties import PENALTIES
from mutants.pictures import PICTURES
from mutants.placements import PLACEMENTS
from mutants.play import PLAY
from mutants.posteriors import OF_LATENTS
from mutants.products import PRODUCTS
from mutants.regularisers import REGULARISERS
from mutants.restoration import RESTORATION
from mutants.translation import TRANSLATION

LOSSES = OBJECTIVES + CONDITIONAL + PENALTIES + REGULARISERS + LIKELIHOODS + DIVERGENCES + PICTURES
MUTANTS = LOSSES + OPTIONS + PLAY + DATA + AUGMENT + CHECKPOINTS + CONTROLS + METRICS + EDITING
MUTANTS += DISCRETE + OF_LATENTS + RESTORATION + NETWORKS + PRODUCTS + TRANSLATION
MUTANTS += FEEDBACK + PLACEMENTS

__all__ = ["MUTANTS", "Mutant"]
