"""Translation between domains without pairs: one paper's game per file."""

from genlab.methods.translation.cut import CUT
from genlab.methods.translation.cyclegan import CycleGAN
from genlab.methods.translation.stargan import StarGAN
from genlab.methods.translation.unit import UNIT

__all__ = ["CUT", "UNIT", "CycleGAN", "StarGAN"]
