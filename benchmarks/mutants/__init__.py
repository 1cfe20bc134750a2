"""Changes that `benchmarks/mutations.py` makes to the code; a test has to notice each."""

from mutants.mutant import Mutant
from mutants.objectives import OBJECTIVES
from mutants.options import OPTIONS
from mutants.penalties import PENALTIES
from mutants.play import PLAY
from mutants.regularisers import REGULARISERS

MUTANTS = OBJECTIVES + PENALTIES + REGULARISERS + OPTIONS + PLAY

__all__ = ["MUTANTS", "Mutant"]
