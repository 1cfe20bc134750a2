"""How restored pictures are compared with their answers: channels, border, window."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.metrics import image, restoration
from genlab.metrics.perceptual import Lpips

CHANNELS = ("rgb", "y")
WHOLE, HOLES = "whole picture", "holes"

Each = Mapping[str, np.ndarray]  # by score, a value for each picture


@dataclass(frozen=True)
class Convention:
    """Pictures are compared as they are stored, in 8 bits with a peak of 255.

    channels: "rgb", all that there are, or "y", luma of Rec. ITU-R BT.601 from 16 to 235
    border:   pixels cut off each side before: the literature of enlargement takes the factor
    window:   side of SSIM's Gaussian window
    scales:   of MS-SSIM; 0 for none
    """

    channels: str = "rgb"
    border: int = 0
    window: int = 11
    scales: int = 0
    lpips: Lpips | None = None

    def __post_init__(self):
        if self.channels not in CHANNELS:
            hint = did_you_mean(self.channels, CHANNELS)
            raise ConfigError(f"channels={self.channels!r}; expected {' or '.join(CHANNELS)}{hint}")

    def check(self, shape: tuple[int, ...]) -> None:
        """ConfigError for pictures that are too small for it."""
        side = min(shape[:2]) - 2 * self.border
        if self.border < 0 or side < 3:
            raise ConfigError(
                f"{self} of pictures of {shape[0]}x{shape[1]}: expected a border from 0 to "
                f"{max((min(shape[:2]) - 3) // 2, 0)}"
            )
        if self.window % 2 == 0 or not 3 <= self.window <= side:
            raise ConfigError(
                f"{self} of pictures of {shape[0]}x{shape[1]}: expected an odd window from 3 to "
                f"{side - 1 + side % 2}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The scores of whole pictures."""
        more = ("ms_ssim",) * bool(self.scales) + ("lpips",) * bool(self.lpips)
        return ("psnr", "ssim", "mae", *more)

    @property
    def protocol(self) -> dict[str, Any]:
        """All that the numbers depend on."""
        scales = {"scales": self.scales} if self.scales else {}
        return {
            "channels": "Y of BT.601, 16 to 235" if self.channels == "y" else "all",
            "peak": 255, "border": self.border, "window": self.window, **scales,
            **(self.lpips.protocol if self.lpips else {}),
        }  # fmt: skip

    def whole(self, output: np.ndarray, answer: np.ndarray) -> Each:
        """Scores of each picture, uint8 [N, H, W, C] both."""
        x, y = self._seen(output), self._seen(answer)
        found = {
            "psnr": restoration.capped_psnr(x, y, 255),
            "ssim": image.ssim(x, y, 255, self.window),
            "mae": restoration.region_mae(x, y, np.ones((*x.shape[:3], 1), bool), 255),
        }
        if self.scales:
            found["ms_ssim"] = image.ms_ssim(x, y, 255, self.scales, self.window).values
        return found | ({"lpips": self.lpips(output, answer)} if self.lpips else {})

    def region(self, output: np.ndarray, answer: np.ndarray, region: np.ndarray) -> Each:
        """Scores of the pixels in a region, bool [N, H, W, 1], of each picture."""
        x, y, region = self._seen(output), self._seen(answer), self._cut(region)
        return {
            "psnr": restoration.region_psnr(x, y, region, 255),
            "ssim": restoration.region_ssim(x, y, region, 255, self.window),
            "mae": restoration.region_mae(x, y, region, 255),
        }

    def parts(
        self, output: np.ndarray, answer: np.ndarray, holes: np.ndarray | None
    ) -> dict[str, Each]:
        """Scores by part of the picture."""
        found = {WHOLE: self.whole(output, answer)}
        return found if holes is None else found | {HOLES: self.region(output, answer, holes)}

    def _seen(self, images: np.ndarray) -> np.ndarray:
        return self._cut(restoration.luma(images) if self.channels == "y" else images)

    def _cut(self, images: np.ndarray) -> np.ndarray:
        return restoration.shaved(images, self.border)


def means(each: Each) -> dict[str, float]:
    """Means over the pictures for which a score is defined; NaN where it is for none."""
    return {name: _mean(x) for name, x in each.items()}


def _mean(x: np.ndarray) -> float:
    kept = x[~np.isnan(x)]
    return float(kept.mean()) if len(kept) else float("nan")
