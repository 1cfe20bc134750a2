"""What `genlab evaluate --real --fake` is asked, as one value; nothing heavy is imported."""

from collections.abc import Mapping
from typing import NamedTuple

SCORES = ("fd", "kid", "precision_recall", "density_coverage")


class EvaluationRequest(NamedTuple):
    """What is to be scored and how: the options of `genlab evaluate`."""

    real: str
    fake: str
    features: str = "random-conv"
    scores: tuple[str, ...] = SCORES
    settings: Mapping[str, Mapping] = {}
    train: str | None = None
    resize: str | None = None
    fresh: bool = False
