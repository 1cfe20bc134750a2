"""Methods: one paper's idea per file, each a game."""

from genlab.methods.gan.method import GAN
from genlab.methods.inversion import InversionEncoder
from genlab.methods.two_stage import TwoStageVAE
from genlab.methods.vae import VAE

__all__ = ["GAN", "VAE", "InversionEncoder", "TwoStageVAE"]
