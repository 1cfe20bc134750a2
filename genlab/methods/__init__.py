"""Methods: one paper's idea per file, each a game."""

from genlab.methods.code_prior import CodePrior
from genlab.methods.ex_post import ExPost
from genlab.methods.gan.comparison import Comparison
from genlab.methods.gan.method import GAN
from genlab.methods.hierarchical import HierarchicalVAE
from genlab.methods.inversion import InversionEncoder
from genlab.methods.regression import Regression
from genlab.methods.sequence_vae import SequenceVAE
from genlab.methods.two_stage import TwoStageVAE
from genlab.methods.vae import VAE
from genlab.methods.vq import VQVAE
from genlab.methods.vqgan import VQGAN

__all__ = [
    "GAN",
    "VAE",
    "VQGAN",
    "VQVAE",
    "CodePrior",
    "Comparison",
    "ExPost",
    "HierarchicalVAE",
    "InversionEncoder",
    "Regression",
    "SequenceVAE",
    "TwoStageVAE",
]
