"""What can be done to a picture after a model, in steps that are named and chained:

    match:mean  match:histogram  denoise:8  unsharp:1.5  contrast:1.2  enlarge:2

Steps take pictures uint8 [H, W, C], or uint16, and give as many bits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from PIL import Image

from genlab.config import ConfigError, choices, did_you_mean
from genlab.data.sets.products.columns import LUMA

MATCHES = ("mean", "histogram")
PATCH, AWAY = 5, 6  # of non-local means: sides of patches, how far they are looked for


class Step(NamedTuple):
    """One step: its name, and its setting as typed."""

    name: str
    setting: str

    @property
    def number(self) -> float:
        """The setting as a number."""
        return float(self.setting)

    def __str__(self) -> str:
        return f"{self.name}:{self.setting}"


def matched_mean(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`x` in 0..1 with the mean and the standard deviation of each channel of `like` (Reinhard et
    al. 2001, without their colour space).
    """
    mean, spread = (getattr(x, f)((0, 1)) for f in ("mean", "std"))
    wanted, wide = (getattr(like, f)((0, 1)) for f in ("mean", "std"))
    return (x - mean) * (wide / np.maximum(spread, 1e-6)) + wanted


def matched_histogram(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`x` in 0..1 with the distribution of values of each channel of `like`: the value of a rank
    becomes that of the same rank.
    """
    made = np.empty_like(x)
    for c in range(x.shape[-1]):
        _, where, counts = np.unique(x[..., c], return_inverse=True, return_counts=True)
        known, times = np.unique(like[..., c], return_counts=True)
        ranks = np.cumsum(counts) / x[..., c].size
        made[..., c] = np.interp(ranks, np.cumsum(times) / like[..., c].size, known)[
            where.reshape(x.shape[:2])
        ]
    return made


def unsharp(x: np.ndarray, amount: float, radius: float = 1.0) -> np.ndarray:
    """x + amount (x - blurred x), blurred by a Gaussian of `radius` pixels."""
    return x + amount * (x - scipy.ndimage.gaussian_filter(x, (radius, radius, 0)))


def contrast(x: np.ndarray, by: float) -> np.ndarray:
    """Distances from the mean luma multiplied; 1 leaves the picture as it is."""
    mean = (x @ np.array(LUMA) if x.shape[-1] == 3 else x).mean()
    return mean + by * (x - mean)


def denoised(x: np.ndarray, levels: float) -> np.ndarray:
    """Non-local means (Buades et al. 2005) for noise of a standard deviation of so many levels of
    255; scikit-image's.
    """
    from genlab.evaluation.classics import library

    denoise, sigma = library("skimage.restoration").denoise_nl_means, levels / 255.0
    made = denoise(
        x, patch_size=PATCH, patch_distance=AWAY, h=0.8 * sigma, sigma=sigma, channel_axis=-1
    )
    return made.reshape(x.shape)  # sides of one pixel are taken away there


def enlarged(x: np.ndarray, factor: float) -> np.ndarray:
    """Lanczos, three lobes."""
    size, filter = (x.shape[1] * int(factor), x.shape[0] * int(factor)), Image.Resampling.LANCZOS
    channels = x.astype(np.float32).transpose(2, 0, 1)
    made = [np.asarray(Image.fromarray(c).resize(size, filter)) for c in channels]
    return np.stack(made, axis=-1).astype(np.float64)


MATCHED: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": matched_mean,
    "histogram": matched_histogram,
}
STEPS: Mapping[str, Callable[[np.ndarray, np.ndarray, Step], np.ndarray]] = {
    "match": lambda x, like, step: MATCHED[step.setting](x, like),
    "denoise": lambda x, like, step: denoised(x, step.number),
    "unsharp": lambda x, like, step: unsharp(x, step.number),
    "contrast": lambda x, like, step: contrast(x, step.number),
    "enlarge": lambda x, like, step: enlarged(x, step.number),
}
"""By name: of a picture, the one it was made from, both in 0..1, and the setting."""
RANGES = {"denoise": (0.0, 100.0), "unsharp": (0.0, 10.0), "contrast": (0.0, 10.0)}
FACTORS = (2, 4)


def parsed(text: str) -> tuple[Step, ...]:
    """The steps of a chain, "match:mean,unsharp:1"; ConfigError for what is none."""
    found = []
    for part in filter(None, (x.strip() for x in text.split(","))):
        name, _, setting = part.partition(":")
        if name not in STEPS:
            raise ConfigError(f"no step {name!r} of post-processing{choices(name, STEPS)}")
        found.append(_checked(Step(name, setting.strip())))
    return tuple(found)


def _checked(step: Step) -> Step:
    if step.name == "match":
        if step.setting not in MATCHES:
            hint = did_you_mean(step.setting, MATCHES)
            raise ConfigError(f"{step}: give match:mean or match:histogram{hint}")
        return step
    try:
        value = step.number
    except ValueError:
        raise ConfigError(f"{step}: give a number, as {step.name}:2") from None
    if step.name == "enlarge":
        if value not in FACTORS:
            raise ConfigError(f"{step}: give enlarge:2 or enlarge:4")
        return step
    low, high = RANGES[step.name]
    if not low <= value <= high:
        raise ConfigError(f"{step}: give a number from {low:g} to {high:g}")
    return step


def chained(steps: Sequence[Step], image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The picture after the steps, with as many bits; `like` is what it was made from."""
    top = float(np.iinfo(image.dtype).max)
    x, given = image / top, like / float(np.iinfo(like.dtype).max)
    if given.shape[-1] != x.shape[-1]:
        given = np.broadcast_to(given.mean(-1, keepdims=True), (*given.shape[:2], x.shape[-1]))
    for step in steps:
        x = np.clip(STEPS[step.name](x, given, step), 0.0, 1.0)
    return np.rint(x * top).astype(image.dtype)
