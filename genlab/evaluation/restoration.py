"""`Restoration`: pictures repaired, enlarged, recoloured by a model against the known answer, with
classic methods in the same table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Image, Mask
from genlab.data.sources import Readable
from genlab.evaluation import postprocess
from genlab.evaluation.classics import Classic
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.convention import Convention
from genlab.evaluation.outputs import way
from genlab.evaluation.restored import Restored
from genlab.game import Method


@dataclass(frozen=True)
class Restoration:
    """Pictures that a method makes of damaged ones, against what they were before.

    given:      the column of what is damaged; "": the first picture that the method is given
    holes:      the column of what is missing, a mask: there the picture is scored by itself too,
                and around it what was given is put back first; "" for none
    classics:   other methods by name, specs of `evaluation.classics`; None: the usual ones where
                shapes or holes say what is missing, else none
    again:      what makes of a picture what was given of it, uint8 [N, H, W, C] to uint8: then
                `given_mae` says how well outputs agree with that. With holes, of known pixels
    convention: how pictures are compared (`convention.Convention`)
    features:   a feature space, in which `fd` is the Frechet distance of outputs to answers
    then:       post-processing of outputs, a chain after the other, each scored:
                ("unsharp:1", "match:histogram,contrast:1.1")
    samples:    the first so many of the split

    Scores: `psnr`, `ssim`, `mae` (of the range) and what the convention has; `holes_...`, of the
    missing pixels; `gain`, decibels above the classic method with the highest mean PSNR on the very
    pictures (of the holes where there are any), below 0 where it is better. The table "part" has
    them all, with what was given as it is, the floor.
    """

    given: str = ""
    holes: str = ""
    classics: Mapping[str, Classic] | None = None
    again: Callable[[np.ndarray], np.ndarray] | None = None
    convention: Convention = field(default_factory=Convention)
    features: Any = None
    then: tuple[str, ...] = ()
    samples: int = 500

    def __post_init__(self):
        if self.samples < 2:
            raise ConfigError(f"Restoration of {self.samples} pictures; give at least 2")
        for chain in self.then:
            postprocess.parsed(chain)

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of its scores."""
        holes = ("holes_psnr", "holes_ssim", "holes_mae") if self.holes else ()
        given = ("given_mae",) if self.holes or self.again else ()
        fd = ("fd",) if self.features else ()
        return (*self.convention.names, *holes, *given, *fd, "gain")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError, before anything is trained, for what it cannot score."""
        columns, name = source.columns, self.column(method, source)
        makes = way(method, name, columns).makes if name in columns else method.makes
        answer = columns[makes]
        if not isinstance(answer, Image) or not isinstance(columns.get(name), Image):
            raise ConfigError(
                f"Restoration(given={name!r}) of a method that makes {makes!r}: expected "
                f"two columns of pictures; the data have {', '.join(columns)}"
            )
        if self.holes and not isinstance(columns.get(self.holes), Mask):
            raise ConfigError(
                f"Restoration(holes={self.holes!r}): expected a column of masks; the data have "
                f"{', '.join(columns)}"
            )
        if any(a % b for a, b in zip(answer.shape[:2], columns[name].shape[:2], strict=True)):
            raise ConfigError(
                f"Restoration: pictures {columns[name].shape} of {name!r} and answers "
                f"{answer.shape}; expected sides that are whole multiples"
            )
        self.convention.check(answer.shape)

    def column(self, method: Method, source: Readable) -> str:
        """The name of what is damaged."""
        pictures = [n for n in method.given if isinstance(source.columns.get(n), Image)]
        return self.given or next(iter(pictures), method.makes)

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of the first `samples` of the split."""
        self.check(context.method, context.source)
        return Restored(self, context).result()
