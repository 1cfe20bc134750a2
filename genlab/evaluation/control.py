"""`Control`: whether samples have the factors that they were asked for, and only those change."""

from dataclasses import dataclass
from typing import ClassVar

from genlab.config import ConfigError, did_you_mean
from genlab.data.sources import Readable
from genlab.evaluation import asking
from genlab.evaluation.context import EvaluationContext, EvaluationResult
from genlab.evaluation.measurement import Measurement
from genlab.features.factors import Factors
from genlab.game import Method
from genlab.game.abilities import Generates


@dataclass(frozen=True)
class Control:
    """Control of the labels and numbers that a method is given, read off its samples by a network
    that was trained on real pictures, and exactly (`decoded_...`) where the data can be decoded.

    factors:    the network: `spec(features.Factors, trunk)`
    samples:    how many answer
    ask:        "data" or "range" (`asking.ASK`)
    beyond:     with "range": so much of each range is asked for beyond either of its ends
    pairs:      latents for which each factor is changed by itself
    conditions: how many times `each` samples of one condition are drawn
    bins:       of the curve of measured on asked
    decode:     of how many samples the factors are decoded too, and of a quarter as many pairs,
                where the data can be decoded: 0 for none, for a decoder may take long

    Scores: `accuracy`, the mean over labels; `exact_match`, of all labels at once; `r2`, the mean
    over numbers, within the range trained on; `leakage`, the mean change of a factor when another
    is changed, over its spread in the data: 0 where it stays, 1 as if drawn anew; `diversity`, the
    mean distance of samples of one condition in the network's features, over that of the training
    pictures most like the condition. Baselines are of real pictures of the split, as many, with
    their own factors: what the network is capable of. Tables have it by factor, by range and by
    pair of factors; chance is that of the same samples with one another's conditions.
    """

    factors: Factors
    samples: int = 2000
    ask: str = "data"
    beyond: float = 0.0
    pairs: int = 250
    conditions: int = 32
    each: int = 8
    bins: int = 20
    decode: int = 200
    abilities: ClassVar[tuple[type, ...]] = (Generates,)
    gives: ClassVar[tuple[str, ...]] = (
        "accuracy", "exact_match", "r2", "leakage", "diversity", "decoded_accuracy",
        "decoded_exact_match", "decoded_r2", "decoded_leakage",
    )  # fmt: skip

    def __post_init__(self):
        if self.ask not in asking.ASK:
            hint = did_you_mean(self.ask, asking.ASK)
            raise ConfigError(f"ask={self.ask!r}; expected {' or '.join(asking.ASK)}{hint}")
        if self.beyond < 0 or (self.beyond and self.ask != "range"):
            raise ConfigError(f"beyond={self.beyond}: a share from 0 up, with ask='range' alone")
        least = {"samples": 2, "pairs": 2, "conditions": 2, "each": 2, "bins": 1, "decode": 0}
        for name, few in least.items():
            if getattr(self, name) < few:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {few}")

    def check(self, method: Method, source: Readable) -> None:
        """ConfigError for a method that is given nothing that is measured."""
        kinds = self.factors.kinds(source)
        if not set(kinds) & set(method.given):
            given = ", ".join(method.given) or "nothing"
            raise ConfigError(
                f"Control measures {', '.join(kinds)}, and the method is given {given}: condition "
                "it on one of them (method.given)"
            )

    def __call__(self, context: EvaluationContext) -> EvaluationResult:
        """Scores of the split's conditions, or of their ranges."""
        self.check(context.method, context.source)
        return Measurement(self, context).result()
