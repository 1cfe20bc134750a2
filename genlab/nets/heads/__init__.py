"""Critics with other heads than one logit over everything, and the heads they combine."""

from genlab.nets.heads.columns import (
    ClassContrast,
    Classifier,
    DataToData,
    DiscriminativeClassifier,
    Regression,
    TwinClassifier,
)
from genlab.nets.heads.conditional import ConditionalDiscriminator
from genlab.nets.heads.critics import (
    AutoencodingDiscriminator,
    AuxiliaryDiscriminator,
    MarginDiscriminator,
    ProjectionDiscriminator,
    l1,
    l2,
    margin,
)

__all__ = [
    "AutoencodingDiscriminator",
    "AuxiliaryDiscriminator",
    "ClassContrast",
    "Classifier",
    "ConditionalDiscriminator",
    "DataToData",
    "DiscriminativeClassifier",
    "MarginDiscriminator",
    "ProjectionDiscriminator",
    "Regression",
    "TwinClassifier",
    "l1",
    "l2",
    "margin",
]
