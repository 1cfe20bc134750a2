"""`CodebookUsage`: how many of its codes a quantised model uses, and what its codes look like."""

import colorsys
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from genlab.config import ConfigError
from genlab.data.pictures import grid
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.parts import SAMPLES
from genlab.game.abilities import Quantises, require
from genlab.runtime import compiler
from genlab.sampling.previews import stacked
from genlab.sampling.sampler import batches

COMMONEST = 10  # codes whose share is in the table
TURN = 0.618033988749895  # of the colour circle, between a code's hue and the next one's


@dataclass(frozen=True)
class CodebookUsage:
    """`used`, the share of all codes that the split uses at least once, and `perplexity`, exp of
    the entropy of the codes (van den Oord et al. 2017, arXiv:1711.00937, in the authors' code), of
    several maps the geometric mean; a table has each map. Of the whole split: a batch's perplexity
    is at most the number of its vectors. Also a picture of the codes of `shown` examples, a colour
    for each code.
    """

    shown: int = 16
    abilities: ClassVar[tuple[type, ...]] = (Quantises,)
    gives: ClassVar[tuple[str, ...]] = ("used", "perplexity")

    def __post_init__(self):
        if self.shown < 1:
            raise ConfigError(f"shown={self.shown}; expected 1 or more")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the codes of all examples of the split."""
        method = require(context.method, Quantises, "CodebookUsage")

        @compiler.jit
        def quantise(x):
            return method.quantise(context.params, context.stats, x)

        x, _ = context.batch
        found = [[np.asarray(c) for c in quantise(x[at])] for at in batches(len(x), 100)]
        maps = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        sizes = method.codebook_sizes()
        rows = {
            f"map {number}": usage(codes, size)
            for number, (codes, size) in enumerate(zip(maps, sizes, strict=True))
        }
        logs = [np.log(row["perplexity"]) for row in rows.values()]
        scores = {
            "used": sum(row["used"] * row["codes"] for row in rows.values()) / sum(sizes),
            "perplexity": float(np.exp(np.mean(logs))),
        }
        real = context.real[context.method.makes][: self.shown]
        sheets = [context.column.draw(real, self.shown)]
        if len(context.column.shape) == 3:
            tall, wide = context.column.shape[:2]
            sheets += [grid(coloured(c[: self.shown], (tall, wide)), self.shown) for c in maps]
        return EvaluationResult(
            scores,
            {"real": len(x)},
            pictures={"codes": stacked(sheets)} if len(sheets) > 1 else {},
            tables={"codes of each map": {SAMPLES: rows}},
        )


def usage(codes: np.ndarray, size: int) -> dict[str, float]:
    """Of one map of codes: how many there are, the share used, their perplexity, and the share of
    the positions that the commonest ten have.
    """
    _, counts = np.unique(codes, return_counts=True)
    share = np.sort(counts / counts.sum())[::-1]
    return {
        "codes": float(size),
        "used": len(share) / size,
        "perplexity": float(np.exp(-(share * np.log(share)).sum())),
        "commonest ten": float(share[:COMMONEST].sum()),
    }


def coloured(codes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps of codes [N, h, w], or rows of them [N, n] as nearly square as n allows, as pictures
    uint8 [N, H, W, 3] of `size`: the same colour for the same code, unlike ones for codes that are
    next to each other.
    """
    if codes.ndim != 3:
        n = codes.shape[1]
        tall = max(h for h in range(1, math.isqrt(n) + 1) if n % h == 0)
        codes = codes.reshape(len(codes), tall, n // tall)
    known, at = np.unique(codes, return_inverse=True)
    colours = [colorsys.hsv_to_rgb(c * TURN % 1, 0.65, (0.95, 0.7)[c % 2]) for c in known.tolist()]
    drawn = np.round(255 * np.asarray(colours)).astype(np.uint8)[at.reshape(codes.shape)]
    rows, columns = (
        np.arange(want) * have // want for want, have in zip(size, codes.shape[1:], strict=True)
    )
    return drawn[:, rows][:, :, columns]
