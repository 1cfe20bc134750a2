"""The comparisons that a config names: two `Side`s in, scores by name out.

Each is a function of this module, `(real, fake, **settings) -> {score: value}`; one of your own is
named "package.module:function", and says by `sides.needs` what it asks of the sides beside their
features. Formulas, papers and references are with the functions that are called here.
"""

from collections.abc import Callable as _Callable
from typing import Any as _Any

import numpy as _np

from genlab.metrics import frechet, image, kernel, neighbours, transport, two_sample
from genlab.metrics import inception_score as inception
from genlab.metrics import ndb as bins_
from genlab.metrics import prd as curves
from genlab.metrics import vendi as effective
from genlab.metrics.sides import Side as _Side
from genlab.metrics.sides import needs as _needs


def fd(real: _Side, fake: _Side) -> dict[str, float]:
    """`fd`, the Frechet distance (Heusel et al. 2017): the FID where features are Inception's."""
    return {"fd": frechet.frechet_from_moments(real.moments, fake.moments)}


def fd_infinity(
    real: _Side, fake: _Side, smallest: int = 5000, points: int = 15, seed: int = 0
) -> dict[str, float]:
    """`fd_infinity`, the Frechet distance at infinitely many samples (Chong & Forsyth 2020)."""
    found = frechet.fd_infinity_from_moments(real.moments, fake.features, smallest, points, seed)
    return {"fd_infinity": found.value}


@_needs("features", "labels")
def class_fd(real: _Side, fake: _Side) -> dict[str, float]:
    """`class_fd`, the mean over classes of the Frechet distance within each (Miyato & Koyama
    2018).
    """
    sides = real.features, real.labels, fake.features, fake.labels
    return {"class_fd": frechet.class_frechet(*sides)[0]}


@_needs("spatial")
def sfd(real: _Side, fake: _Side) -> dict[str, float]:
    """`sfd`, the Frechet distance of a map of an earlier layer: sFID in Inception (Nash et al.
    2021).
    """
    rows = (side.taps["spatial"].reshape(len(side), -1) for side in (real, fake))
    return {"sfd": frechet.frechet_distance(*rows)}


def kid(
    real: _Side, fake: _Side, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> dict[str, float]:
    """`kid`, the kernel distance (Binkowski et al. 2018), and `kid_std` over its subsets.

    A subset has `size` rows, or as many as the smaller set.
    """
    size = min(size, len(real), len(fake))
    found = kernel.kernel_distance(real.features, fake.features, subsets, size, seed)
    return {"kid": found.mean, "kid_std": found.std}


@_needs("logits")
def inception_score(
    real: _Side, fake: _Side, splits: int = 10, seed: int = 2020
) -> dict[str, float]:
    """`inception_score` (Salimans et al. 2016), and its deviation over the splits.

    It asks nothing of the real side: its floor is what real images score.
    """
    mean, std = inception.inception_score(fake.taps["logits"], splits, seed)
    return {"inception_score": mean, "inception_score_std": std}


def precision_recall(real: _Side, fake: _Side, k: int = 3) -> dict[str, float]:
    """`precision` and `recall` (Kynkaanniemi et al. 2019)."""
    precision, recall = neighbours.precision_recall(real.features, fake.features, k)
    return {"precision": precision, "recall": recall}


def density_coverage(real: _Side, fake: _Side, k: int = 5) -> dict[str, float]:
    """`density` and `coverage` (Naeem et al. 2020)."""
    density, coverage = neighbours.density_coverage(real.features, fake.features, k)
    return {"density": density, "coverage": coverage}


@_needs("features", "train")
def memorisation(real: _Side, fake: _Side) -> dict[str, float]:
    """`nearer` and `copies`: whether samples are copies of training images (Platzer & Reutterer
    2021; Meehan et al. 2020).
    """
    found = neighbours.memorisation(real.train.features, real.features, fake.features)
    return {"nearer": found.nearer, "copies": found.copies}


@_needs("features", "train")
def authenticity(real: _Side, fake: _Side) -> dict[str, float]:
    """`authenticity`, the share of samples that are no noisy copies (Alaa et al. 2022)."""
    return {"authenticity": neighbours.authenticity(real.train.features, fake.features)}


def prd(
    real: _Side, fake: _Side, clusters: int = 20, angles: int = 1001, runs: int = 10, seed: int = 0
) -> dict[str, float]:
    """`prd_recall`, F_8, and `prd_precision`, F_1/8, of the precision-recall curve (Sajjadi et al.
    2018). The larger set is cut to the size of the smaller.
    """
    count = min(len(real), len(fake))
    found = curves.prd(real.features[:count], fake.features[:count], clusters, angles, runs, seed)
    recall, precision = curves.f_beta(found)
    return {"prd_recall": recall, "prd_precision": precision}


def ndb(
    real: _Side, fake: _Side, bins: int = 100, alpha: float = 0.05, seed: int = 0
) -> dict[str, float]:
    """`ndb`, the share of bins whose proportions differ, and `ndb_js`, the divergence of the two
    histograms (Richardson & Weiss 2018).
    """
    found = bins_.ndb(real.features, fake.features, bins, alpha, seed)
    return {"ndb": found.share, "ndb_js": found.divergence}


def vendi(real: _Side, fake: _Side, order: float = 1.0) -> dict[str, float]:
    """`vendi`, the effective number of unlike samples (Friedman & Dieng 2023).

    It asks nothing of the real side: its floor is what real images score.
    """
    return {"vendi": effective.vendi_from_features(fake.features, order)}


def mmd(real: _Side, fake: _Side, bandwidth: float | None = None) -> dict[str, float]:
    """`mmd`, the squared MMD with a Gaussian kernel (Gretton et al. 2012).

    Without a bandwidth it is the median distance of real rows, the same for every model.
    """
    x = real.features
    bandwidth = bandwidth or kernel.median_bandwidth(x[::2], x[1::2])
    return {"mmd": kernel.mmd(x, fake.features, kernel.gaussian(bandwidth))}


def neighbour_test(real: _Side, fake: _Side) -> dict[str, float]:
    """`nn_accuracy` of telling samples from data by the nearest other row, and that on either
    (Lopez-Paz & Oquab 2017; Xu et al. 2018). The larger set is cut to the size of the smaller.
    """
    count = min(len(real), len(fake))
    found = two_sample.nearest_neighbour_test(real.features[:count], fake.features[:count])
    names = "nn_accuracy", "nn_accuracy_real", "nn_accuracy_fake"
    return dict(zip(names, found[:3], strict=True))


def sliced_wasserstein(
    real: _Side, fake: _Side, projections: int = 512, p: float = 1.0, seed: int = 0
) -> dict[str, float]:
    """`sliced_wasserstein`, of the features (Bonneel et al. 2015)."""
    along = transport.directions(real.features.shape[1], projections, seed)
    found = transport.sliced_wasserstein(real.features, fake.features, along, p)
    return {"sliced_wasserstein": found}


def wasserstein(real: _Side, fake: _Side, p: float = 1.0) -> dict[str, float]:
    """`wasserstein`, the exact distance of the features: up to 4,096 rows."""
    return {"wasserstein": transport.wasserstein(real.features, fake.features, p)}


@_needs("images")
def swd(real: _Side, fake: _Side, seed: int = 0) -> dict[str, float]:
    """`swd`, the sliced Wasserstein distance of patches (Karras et al. 2018), and that of each
    level of the pyramid, `swd_16` and up.
    """
    found = transport.image_sliced_wasserstein(real.pictures, fake.pictures, seed)
    levels = {f"swd_{side}": float(x) for side, x in zip(found.sides, found.levels, strict=True)}
    return {"swd": float(found.mean), **levels}


@_needs("images")
def ms_ssim_pairs(
    real: _Side, fake: _Side, scales: int = 5, window: int = 11, pairs: int = 100, seed: int = 0
) -> dict[str, float]:
    """`ms_ssim_pairs`, how alike two samples are (Odena et al. 2017), of one class where there are
    labels. It asks nothing of the real side: its floor is what real images score.
    """

    def similarity(a: _np.ndarray, b: _np.ndarray) -> _np.ndarray:
        return image.ms_ssim(a, b, 255, scales, window).values

    return {"ms_ssim_pairs": _alike(fake, similarity, pairs, seed)}


@_needs("images")
def lpips_pairs(
    real: _Side, fake: _Side, distance: _Callable, pairs: int = 100, seed: int = 0
) -> dict[str, float]:
    """`lpips_pairs`, how unlike two samples are, of one class where there are labels; `distance` is
    a `perceptual.Lpips`. It asks nothing of the real side.
    """
    return {"lpips_pairs": _alike(fake, distance, pairs, seed)}


@_needs("images", "labels")
def classification_accuracy(
    real: _Side, fake: _Side, trunk: _Any, steps: int = 1000, batch_size: int = 128, seed: int = 0
) -> dict[str, float]:
    """`classification_accuracy` on real images of a classifier trained on samples (Ravuri & Vinyals
    2019); `trunk` is any `Down`.
    """
    from genlab.metrics import accuracy

    sides = fake.pictures, fake.labels, real.pictures, real.labels
    settings = {"trunk": trunk, "steps": steps, "batch_size": batch_size, "seed": seed}
    return {"classification_accuracy": accuracy.classification_accuracy(*sides, **settings)}


def _alike(side: _Side, similarity: _Callable, pairs: int, seed: int) -> float:
    return float(image.diversity(side.pictures, similarity, side.labels, pairs, seed).similarity)
