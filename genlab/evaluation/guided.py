"""`Guided`: what another evaluator scores, of samples with guidance."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from genlab.data.sources import Readable
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.game import Method
from genlab.game.abilities import Generates, Guides


@dataclass(frozen=True)
class Guided:
    """Scores of an `evaluator` of samples G(z, null) + s (G(z, c) - G(z, null)), s the `guidance`
    (`sampling.sampler.guided`), of a method trained with `condition_dropout`: beside those without
    guidance they are named apart in `evaluate={"control": ..., "guided": spec(Guided, ..., 2.0)}`.
    """

    evaluator: Any
    guidance: float
    abilities: ClassVar[tuple[type, ...]] = (Generates, Guides)

    @property
    def gives(self) -> tuple[str, ...] | None:
        """The evaluator's."""
        return getattr(self.evaluator, "gives", None)

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for what the evaluator refuses."""
        if hasattr(self.evaluator, "check"):
            self.evaluator.check(method, source)

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """The evaluator's result; its protocol says the guidance."""
        found = self.evaluator(dataclasses.replace(context, guidance=self.guidance))
        return found._replace(protocol={**found.protocol, "guidance": self.guidance})
