"""`Warp`: a garment that a method moves to where it is worn, by itself, before it is painted."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from genlab.config import ConfigError
from genlab.data.sources import Readable
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.game import Method
from genlab.game.abilities import Warps, require
from genlab.runtime import compiler
from genlab.sampling.sampler import batches, part

BATCH = 250
UNLIKE = 8  # of 255: where body and dressed body differ by more, the garment is worn


@dataclass(frozen=True)
class Warp:
    """Mean absolute error of the warped garment, of 255, where it is worn: there the dressed body
    is the garment, and the answer is known. `warp_gain`, of 255 too, is by how much it is less than
    with the garment as it was given, the baseline. Examples with nothing worn are left out.

    body, garment: the columns
    samples: the first so many of the split
    """

    body: str = "body"
    garment: str = "garment"
    samples: int = 500
    abilities: ClassVar[tuple[type, ...]] = (Warps,)
    gives: ClassVar[tuple[str, ...]] = ("warp_mae", "warp_gain")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for columns that the method is not given."""
        for name in (self.body, self.garment):
            if name not in method.given:
                raise ConfigError(f"Warp: {name!r} is not among {method.given}, what is given")

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Of the first `samples` of the split."""
        method = require(context.method, Warps, "Warp")
        real = {name: x[: self.samples] for name, x in context.real.items()}
        body, answer = real[self.body], real[method.makes]
        cond = {
            name: context.source.columns[name].load(jnp.asarray(real[name]))
            for name in method.given
        }
        warp = compiler.jit(lambda cond: method.warped(context.params, context.stats, cond))
        made = [np.asarray(warp(part(cond, at))) for at in batches(len(body), BATCH)]
        warped = context.column.store(np.concatenate(made))
        worn = np.abs(answer.astype(int) - body).max(-1) > UNLIKE
        there = worn.any((1, 2))
        own, floor = (
            apart(x[there], answer[there], worn[there]) for x in (warped, real[self.garment])
        )
        each = {"warp_mae": own, "warp_gain": floor - own}
        protocol = {"real": int(there.sum()), "left out": int((~there).sum()), "unlike": UNLIKE}
        scores = {name: float(x.mean()) for name, x in each.items()}
        return EvaluationResult(scores, protocol, {"warp_mae": float(floor.mean())}, each=each)


def apart(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """|a - b| of stored pictures [N, H, W, C], the mean over numbers inside of masks [N, H, W]."""
    inside = (np.abs(a.astype(float) - b) * mask[..., None]).sum((1, 2, 3))
    return inside / (mask.sum((1, 2)) * a.shape[-1])
