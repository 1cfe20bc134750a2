"""Generative adversarial networks: the game, what stands between its networks, and its checks."""

from genlab.methods.gan.method import GAN

__all__ = ["GAN"]
