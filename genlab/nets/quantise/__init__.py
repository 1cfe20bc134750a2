"""Quantisers: a map of vectors to a map of whole numbers, the codes, and back to vectors."""

from genlab.nets.quantise.codebooks import Averaged, Codebook
from genlab.nets.quantise.composed import Hierarchical, Residual
from genlab.nets.quantise.contract import Quantised, rotation, straight_through
from genlab.nets.quantise.lookup_free import Binary, FiniteScalar, LookupFree

__all__ = [
    "Averaged",
    "Binary",
    "Codebook",
    "FiniteScalar",
    "Hierarchical",
    "LookupFree",
    "Quantised",
    "Residual",
    "rotation",
    "straight_through",
]
