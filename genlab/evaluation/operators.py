"""What was done to a picture, where that is known: of an output, what was given must follow. Each
is a setting, called with pictures uint8 [N, H, W, C].
"""

from dataclasses import dataclass

import numpy as np
import scipy

from genlab.data.sets.products.columns import LUMA


@dataclass(frozen=True)
class BlockMeans:
    """Means of blocks of `factor` pixels a side: what `small` is, or `low_resolution` where they
    are repeated to the size of before.
    """

    factor: int
    repeated: bool = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8, of the small size or repeated."""
        count, height, width, channels = images.shape
        blocks = images.reshape(
            count, height // self.factor, self.factor, width // self.factor, self.factor, channels
        )
        made = np.rint(blocks.mean((2, 4))).astype(np.uint8)
        return made.repeat(self.factor, 1).repeat(self.factor, 2) if self.repeated else made


@dataclass(frozen=True)
class Grey:
    """Luma of BT.601, full range: what `grey` is."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 1]."""
        return np.rint((images * np.array(LUMA)).sum(-1, keepdims=True)).astype(np.uint8)


@dataclass(frozen=True)
class Blurred:
    """A Gaussian blur of a standard deviation of `share` of the height, its weights divided by
    their sum at edges: what `blurred` is.
    """

    share: float

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8, of the same shape."""
        sigma = self.share * images.shape[1]

        def spread(x: np.ndarray) -> np.ndarray:
            return scipy.ndimage.gaussian_filter(
                x, (0, sigma, sigma, 0), mode="constant", truncate=8.0
            )

        made = spread(images.astype(np.float64)) / spread(np.ones(images.shape))
        return np.rint(np.clip(made, 0, 255)).astype(np.uint8)
