"""The interface of a feature space: images in, features out, and the protocol to report."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

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


@runtime_checkable
class OfNetwork(Protocol):
    """A feature space of a network that is trained on the set: one that gradients pass through."""

    def network(self, config: Mapping, source: Any) -> Any:
        """Network `net` of a run, a `runs.ingredients.Ingredient`, that gives (anything, features)
        of pictures in [-1, 1].
        """
        ...


GIVEN = FeatureSpace(lambda rows: {"features": rows}, {"features": "given"})
"""The space of features that are given themselves."""


def refuse_other_than_uint8(images: np.ndarray | jax.Array) -> None:
    """ValueError for images that are not uint8, with how to quantise those of the usual ranges."""
    if images.dtype != np.uint8:
        raise ValueError(
            f"images are {images.dtype}, and scores are of uint8 in [0, 255]: quantise first, "
            "np.clip(np.rint((x + 1) * 127.5), 0, 255).astype(np.uint8) from [-1, 1], with x * 255 "
            "in place of (x + 1) * 127.5 from [0, 1], and x itself from [0, 255]"
        )


def batched(
    fn: Callable[[jax.Array], dict], images: np.ndarray, size: int = BATCH
) -> dict[str, np.ndarray]:
    """`fn` of `size` images at a time, its arrays concatenated on the host.

    Raises ValueError as `refuse_other_than_uint8` does, of the type that was given: `jnp.asarray`
    makes float64 float32.
    """
    refuse_other_than_uint8(images)
    parts = [
        jax.device_get(fn(jnp.asarray(images[i : i + size]))) for i in range(0, len(images), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
