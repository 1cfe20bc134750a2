"""Style transfer: pictures with the content of one and the style of another."""

from genlab.methods.style.adain import AdaIN
from genlab.methods.style.johnson import FeedForwardStyle

__all__ = ["AdaIN", "FeedForwardStyle"]
