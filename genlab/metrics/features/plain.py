"""Feature spaces that need neither training nor weights."""

from dataclasses import dataclass

from genlab.data.source import Source
from genlab.metrics.features.space import FeatureSpace


@dataclass(frozen=True)
class Pixels:
    """The pixels themselves, in [-1, 1]: for sets without labels."""

    def space(self, config: dict, source: Source) -> FeatureSpace:
        """Nothing to train."""
        return FeatureSpace(
            lambda images: {"features": images.reshape(len(images), -1) / 127.5 - 1.0},
            {"features": "pixels"},
        )
