"""The interface of a feature space: images in, features out, and the protocol to report."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

BATCH = 500


class FeatureSpace(NamedTuple):
    """A network's outputs for images.

    taps:     uint8 images [N, H, W, C] -> arrays of N rows by name, all from one pass: "features"
              [N, D] always; "logits" [N, K] where the network is a classifier; others are its own
    protocol: what to report with a score in this space
    """

    taps: Callable[[np.ndarray], dict[str, np.ndarray]]
    protocol: dict

    def extract(self, images: np.ndarray) -> np.ndarray:
        """Only the features, [N, D]."""
        return self.taps(images)["features"]


GIVEN = FeatureSpace(lambda rows: {"features": rows}, {"features": "given"})
"""The space of features that are given themselves."""


def batched(
    fn: Callable[[jax.Array], dict], images: np.ndarray, size: int = BATCH
) -> dict[str, np.ndarray]:
    """`fn` of `size` images at a time, its arrays concatenated on the host."""
    parts = [
        jax.device_get(fn(jnp.asarray(images[i : i + size]))) for i in range(0, len(images), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
