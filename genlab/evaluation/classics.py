"""Restoration without training: what a network has to beat. Each is a setting, called with pictures

    (given uint8 [N, h, w, c], holes bool [N, h, w, 1] or None, shape) -> uint8 [N, *shape]

where `shape` is the answer's, (H, W, C). Of scikit-image and OpenCV, which are an extra (`pip
install 'genlab[restoration]'`); what SciPy and Pillow have needs none.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import scipy
from PIL import Image
from scipy import sparse
from scipy.sparse import linalg

from genlab.config import ConfigError

Shape = tuple[int, int, int]


class Classic(Protocol):
    """A classic method."""

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures, uint8 [N, *shape]."""
        ...


@dataclass(frozen=True)
class AsGiven:
    """The floor: what was given, pixels repeated to the answer's size, grey in all channels."""

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        height, width = (to // at for to, at in zip(shape[:2], given.shape[1:3], strict=True))
        larger = given.repeat(height, axis=1).repeat(width, axis=2)
        return np.ascontiguousarray(np.broadcast_to(larger, (len(given), *shape)))


@dataclass(frozen=True)
class Enlarged:
    """Pillow's filters: "bicubic" (a = -0.5, as MATLAB's), "lanczos" (3 lobes), "bilinear".

    factor:   of pictures that are given at the size of the answer, in blocks of one colour
    projected: steps of back-projection (Irani & Peleg 1991): the enlarged picture is corrected by
              the difference of its block means to what was given, enlarged
    """

    filter: str = "bicubic"
    factor: int = 1
    projected: int = 0

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        small = given[:, :: self.factor, :: self.factor].astype(np.float64)
        found = self._enlarged(small, shape)
        high, wide = shape[0] // small.shape[1], shape[1] // small.shape[2]
        for _ in range(self.projected):
            blocks = found.reshape(len(found), small.shape[1], high, small.shape[2], wide, -1)
            found = found + self._enlarged(small - blocks.mean((2, 4)), shape)
        return _bytes(found / 255.0)

    def _enlarged(self, images: np.ndarray, shape: Shape) -> np.ndarray:
        resample, size = Image.Resampling[self.filter.upper()], (shape[1], shape[0])
        channels = images.astype(np.float32).transpose(0, 3, 1, 2)
        made = [
            [np.asarray(Image.fromarray(x).resize(size, resample)) for x in c] for c in channels
        ]
        return np.array(made, np.float64).transpose(0, 2, 3, 1)


@dataclass(frozen=True)
class Median:
    """The median of `size` x `size` pixels of each channel."""

    size: int = 3

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        return scipy.ndimage.median_filter(given, (1, self.size, self.size, 1))


@dataclass(frozen=True)
class TotalVariation:
    """Chambolle 2004; a weight of 1.1 times the noise's standard deviation, of pixels in 0..1, does
    well.
    """

    noise: float
    times: float = 1.1

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        denoise = library("skimage.restoration").denoise_tv_chambolle
        weight = self.times * self.noise
        return _each(lambda x: denoise(x, weight=weight, channel_axis=-1), given)


@dataclass(frozen=True)
class NonLocalMeans:
    """Buades, Coll & Morel 2005: 5x5 patches up to 6 pixels away, h of 0.8 times the noise's
    standard deviation, of pixels in 0..1.
    """

    noise: float
    times: float = 0.8

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        denoise = library("skimage.restoration").denoise_nl_means
        settings = {"patch_size": 5, "patch_distance": 6, "h": self.times * self.noise}
        settings |= {"sigma": self.noise, "fast_mode": True, "channel_axis": -1}
        return _each(lambda x: denoise(x, **settings), given)


@dataclass(frozen=True)
class Inpainted:
    """OpenCV's "telea" (Telea 2004) or "navier_stokes" (Bertalmio et al. 2001), of a radius in
    pixels.
    """

    by: str = "telea"
    radius: float = 3.0

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        cv2 = library("cv2")
        flag = {"telea": cv2.INPAINT_TELEA, "navier_stokes": cv2.INPAINT_NS}[self.by]
        made = [
            cv2.inpaint(np.ascontiguousarray(x), mask.astype(np.uint8), self.radius, flag)
            for x, mask in zip(given, _needed(holes), strict=True)
        ]
        return np.stack(made).reshape(given.shape)


@dataclass(frozen=True)
class Biharmonic:
    """The biharmonic equation in the holes (Damelin & Hoang 2018)."""

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        fill = library("skimage.restoration").inpaint_biharmonic
        pairs = zip(given / 255.0, _needed(holes)[..., 0], strict=True)
        return _bytes(np.stack([fill(x, mask, channel_axis=-1) for x, mask in pairs]))


@dataclass(frozen=True)
class Harmonic:
    """Laplace's equation in the holes: each missing pixel is the mean of its neighbours. The mean
    colour of what is known where no pixel is.
    """

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        pairs = zip(given / 255.0, _needed(holes)[..., 0], strict=True)
        return _bytes(np.stack([_harmonic(x, mask) for x, mask in pairs]))


@dataclass(frozen=True)
class MeanColour:
    """The mean colour of what is known, in the holes."""

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        known = ~_needed(holes)
        count = np.maximum(known.sum((1, 2), keepdims=True), 1)
        mean = np.where(known, given / 255.0, 0.0).sum((1, 2), keepdims=True) / count
        return np.where(known, given, _bytes(mean))


@dataclass(frozen=True)
class Deconvolved:
    """Of a Gaussian blur that is known, as a share of the height: "wiener", with a balance of
    regularisation, or "richardson_lucy" (Richardson 1972), of so many steps.
    """

    blur: float
    by: str = "wiener"
    balance: float = 0.01
    steps: int = 20

    def __call__(self, given: np.ndarray, holes: np.ndarray | None, shape: Shape) -> np.ndarray:
        """Restored pictures."""
        skimage, sigma = library("skimage.restoration"), self.blur * given.shape[1]
        edge = max(1, round(3 * sigma))
        at = np.exp(-0.5 * (np.arange(-edge, edge + 1) / sigma) ** 2)
        psf = np.outer(at, at) / at.sum() ** 2

        def sharpened(x: np.ndarray) -> np.ndarray:
            x = np.pad(x, edge, mode="symmetric")
            if self.by == "wiener":
                found = skimage.wiener(x, psf, self.balance)
            else:
                found = skimage.richardson_lucy(x, psf, num_iter=self.steps)
            return found[edge:-edge, edge:-edge]

        def channels(x: np.ndarray) -> np.ndarray:
            return np.stack([sharpened(x[..., c]) for c in range(x.shape[-1])], axis=-1)

        return _each(channels, given)


FILLED: Mapping[str, Classic] = MappingProxyType(
    {
        "mean colour": MeanColour(),
        "harmonic": Harmonic(),
        "biharmonic": Biharmonic(),
        "Telea": Inpainted("telea"),
        "Navier-Stokes": Inpainted("navier_stokes"),
    }
)
ENLARGED: Mapping[str, Classic] = MappingProxyType(
    {
        "bicubic": Enlarged("bicubic"),
        "Lanczos": Enlarged("lanczos"),
        "Lanczos, back-projected": Enlarged("lanczos", projected=10),
    }
)


def usual(given: tuple[int, ...], answer: tuple[int, ...], holes: bool) -> Mapping[str, Classic]:
    """The methods for what is missing, by the shapes of what is given and of the answer; none where
    they do not say what was done to the picture.
    """
    if holes:
        return FILLED
    return ENLARGED if given[:2] != answer[:2] else {}


def library(name: str) -> Any:
    """A module of the extra; ConfigError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError(
            f"{name.partition('.')[0]} is not installed, which this classic method is from: pip "
            "install 'genlab[restoration]', or leave the method out of `classics`"
        ) from None


def _harmonic(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One picture [H, W, C] in 0..1 with the missing pixels solved for."""
    if not hole.any() or hole.all():
        return image
    height, width = hole.shape
    numbers = np.full(hole.shape, -1)
    numbers[hole] = np.arange(hole.sum())
    y, x = np.nonzero(hole)
    matrix, known = sparse.lil_matrix((len(y), len(y))), np.zeros((len(y), image.shape[-1]))
    degree = np.zeros(len(y))
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        v, u = y + down, x + right
        rows = np.flatnonzero((v >= 0) & (v < height) & (u >= 0) & (u < width))
        degree[rows] += 1
        missing = hole[v[rows], u[rows]]
        matrix[rows[missing], numbers[v[rows[missing]], u[rows[missing]]]] = -1.0
        known[rows[~missing]] += image[v[rows[~missing]], u[rows[~missing]]]
    matrix.setdiag(degree)
    found = image.copy()
    found[hole] = linalg.splu(matrix.tocsc()).solve(known)
    return found


def _needed(holes: np.ndarray | None) -> np.ndarray:
    if holes is None:
        raise ConfigError(
            "a method that fills holes needs a mask of them: name the column (holes=)"
        )
    return holes


def _each(restore: Callable[[np.ndarray], np.ndarray], given: np.ndarray) -> np.ndarray:
    return _bytes(np.stack([restore(x) for x in given / 255.0]))


def _bytes(images: np.ndarray) -> np.ndarray:
    """0..1 to uint8, rounded."""
    return np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)
