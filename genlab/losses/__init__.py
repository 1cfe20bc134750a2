"""Losses: pure functions of arrays, unreduced per example, each with its paper's equation."""

from genlab.losses.adversarial import Objective
from genlab.losses.total import total

__all__ = ["Objective", "total"]
