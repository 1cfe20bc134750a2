"""The comparisons that a config names: two `SampleSet`s in, scores by name out.

Each is a function of this module, `(real, fake, **settings) -> {score: value}`; one of your own is
named "package.module:function". It declares by `evaluation.needs` what it takes from the sets apart
from features, by `evaluation.settles` which settings depend on them. A score that is not defined
for these sets is NaN. Formulas, papers and references are with the functions that are called here.

Where a comparison takes sets of one size, the larger is cut: to rows drawn without replacement from
all of it, the same ones each time, for the first rows of a sorted set are of its first classes.
"""

from collections.abc import Callable as _Callable
from typing import Any as _Any
from typing import TypeVar as _TypeVar

import numpy as _np

from genlab.evaluation.parts import PerClass as _PerClass
from genlab.evaluation.sample_set import SampleSet as _Side
from genlab.evaluation.sample_set import gives as _gives
from genlab.evaluation.sample_set import needs as _needs
from genlab.evaluation.sample_set import settles as _settles
from genlab.metrics import bins as _bins
from genlab.metrics import class_scores as _class_scores
from genlab.metrics import curves as _curves
from genlab.metrics import frechet as _frechet
from genlab.metrics import image as _image
from genlab.metrics import kernel as _kernel
from genlab.metrics import neighbours as _neighbours
from genlab.metrics import transport as _transport
from genlab.metrics import two_sample as _two_sample
from genlab.metrics import vendi as _vendi

_T = _TypeVar("_T")


@_gives("fd")
def fd(real: _Side, fake: _Side) -> dict[str, float]:
    """`fd`, the Frechet distance (Heusel et al. 2017): the FID where features are Inception's."""
    return {"fd": _frechet.frechet_from_moments(real.moments, fake.moments)}


@_gives("fd_infinity")
def fd_infinity(
    real: _Side, fake: _Side, smallest: int = 5000, points: int = 15, seed: int = 0
) -> dict[str, float]:
    """`fd_infinity`, the Frechet distance at infinitely many samples (Chong & Forsyth 2020)."""
    found = _frechet.fd_infinity_from_moments(real.moments, fake.features, smallest, points, seed)
    return {"fd_infinity": found.value}


@_needs("features", "labels")
@_gives("class_fd")
def class_fd(real: _Side, fake: _Side) -> dict[str, float]:
    """`class_fd`, the mean over classes of the Frechet distance within each (Miyato & Koyama
    2018), and by class.
    """
    sides = real.features, _given(real.labels), fake.features, _given(fake.labels)
    mean, each = _frechet.class_frechet(*sides)
    by_class = dict(zip(_np.unique(sides[1]).tolist(), each.tolist(), strict=True))
    return {"class_fd": _PerClass(mean, by_class)}


@_needs("spatial")
@_gives("sfd")
def sfd(real: _Side, fake: _Side) -> dict[str, float]:
    """`sfd`, the Frechet distance of a map of an earlier layer: sFID in Inception (Nash et al.
    2021).
    """
    rows = (side.taps["spatial"].reshape(len(side), -1) for side in (real, fake))
    return {"sfd": _frechet.frechet_distance(*rows)}


def _kid_used(real: _Side, fake: _Side, subsets: int, size: int, seed: int) -> dict[str, int]:
    return {"size": min(size, len(real), len(fake))}


@_settles(_kid_used)
@_gives("kid", "kid_std")
def kid(
    real: _Side, fake: _Side, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> dict[str, float]:
    """`kid`, the kernel distance (Binkowski et al. 2018), and `kid_std` over its subsets.

    A subset has `size` rows, or as many as the smaller set. Of one subset, and of subsets that are
    the whole of both sets, `kid_std` would be 0 whatever the sets: it is NaN.
    """
    size = min(size, len(real), len(fake))
    found = _kernel.kernel_distance(real.features, fake.features, subsets, size, seed)
    one = subsets == 1 or size == len(real) == len(fake)
    return {"kid": found.mean, "kid_std": float("nan") if one else found.std}


@_needs("logits")
@_gives("inception_score", "inception_score_std")
def inception_score(
    real: _Side, fake: _Side, splits: int = 10, seed: int = 2020
) -> dict[str, float]:
    """`inception_score` (Salimans et al. 2016), and its deviation over the splits.

    It asks nothing of the real side: its baseline is what real images score.
    """
    mean, std = _class_scores.inception_score(fake.taps["logits"], splits, seed)
    return {"inception_score": mean, "inception_score_std": std}


@_gives("precision", "recall")
def precision_recall(real: _Side, fake: _Side, k: int = 3) -> dict[str, float]:
    """`precision` and `recall` (Kynkaanniemi et al. 2019)."""
    precision, recall = _neighbours.precision_recall(real.features, fake.features, k)
    return {"precision": precision, "recall": recall}


@_gives("density", "coverage")
def density_coverage(real: _Side, fake: _Side, k: int = 5) -> dict[str, float]:
    """`density` and `coverage` (Naeem et al. 2020)."""
    density, coverage = _neighbours.density_coverage(real.features, fake.features, k)
    return {"density": density, "coverage": coverage}


@_needs("features", "train")
@_gives("nearer", "copies")
def memorisation(real: _Side, fake: _Side) -> dict[str, float]:
    """`nearer` and `copies`: whether samples are copies of training images (Platzer & Reutterer
    2021; Meehan et al. 2020).
    """
    found = _neighbours.memorisation(_given(real.train).features, real.features, fake.features)
    return {"nearer": found.nearer, "copies": found.copies}


@_needs("features", "train")
@_gives("authenticity")
def authenticity(real: _Side, fake: _Side) -> dict[str, float]:
    """`authenticity`, the share of samples that are no noisy copies (Alaa et al. 2022)."""
    return {"authenticity": _neighbours.authenticity(_given(real.train).features, fake.features)}


@_gives("prd_recall", "prd_precision")
def prd(
    real: _Side, fake: _Side, clusters: int = 20, angles: int = 1001, runs: int = 10, seed: int = 0
) -> dict[str, float]:
    """`prd_recall`, F_8, and `prd_precision`, F_1/8, of the precision-recall curve (Sajjadi et al.
    2018). The larger set is cut to the size of the smaller.
    """
    found = _curves.prd(*_as_many(real.features, fake.features), clusters, angles, runs, seed)
    recall, precision = _curves.f_beta(found)
    return {"prd_recall": recall, "prd_precision": precision}


@_gives("ndb", "ndb_js")
def ndb(
    real: _Side, fake: _Side, bins: int = 100, alpha: float = 0.05, seed: int = 0
) -> dict[str, float]:
    """`ndb`, the share of bins whose proportions differ, and `ndb_js`, the divergence of the two
    histograms (Richardson & Weiss 2018).
    """
    found = _bins.ndb(real.features, fake.features, bins, alpha, seed)
    return {"ndb": found.share, "ndb_js": found.divergence}


@_gives("vendi")
def vendi(real: _Side, fake: _Side, order: float = 1.0) -> dict[str, float]:
    """`vendi`, the effective number of unlike samples (Friedman & Dieng 2023).

    It asks nothing of the real side: its baseline is what real images score.
    """
    return {"vendi": _vendi.vendi_from_features(fake.features, order)}


def _mmd_used(real: _Side, fake: _Side, bandwidth: float | None) -> dict[str, float]:
    if bandwidth is not None:
        return {"bandwidth": bandwidth}
    median = _kernel.median_bandwidth(real.features[::2], real.features[1::2])
    return {"bandwidth": float(f"{median:.6g}")}  # so that a protocol has all of it


@_settles(_mmd_used)
@_gives("mmd")
def mmd(real: _Side, fake: _Side, bandwidth: float | None = None) -> dict[str, float]:
    """`mmd`, the squared MMD with a Gaussian kernel (Gretton et al. 2012).

    Without a bandwidth it is the median distance of real rows, the same for every model, in six
    figures.
    """
    kernel = _kernel.gaussian(_mmd_used(real, fake, bandwidth)["bandwidth"])
    return {"mmd": _kernel.mmd(real.features, fake.features, kernel)}


@_gives("nn_accuracy", "nn_accuracy_real", "nn_accuracy_fake")
def neighbour_test(real: _Side, fake: _Side) -> dict[str, float]:
    """`nn_accuracy` of telling samples from data by the nearest other row, and that on either
    (Lopez-Paz & Oquab 2017; Xu et al. 2018). The larger set is cut to the size of the smaller.
    """
    found = _two_sample.nearest_neighbour_test(*_as_many(real.features, fake.features))
    names = "nn_accuracy", "nn_accuracy_real", "nn_accuracy_fake"
    return dict(zip(names, found[:3], strict=True))


@_gives("sliced_wasserstein")
def sliced_wasserstein(
    real: _Side, fake: _Side, projections: int = 512, p: float = 1.0, seed: int = 0
) -> dict[str, float]:
    """`sliced_wasserstein`, of the features (Bonneel et al. 2015)."""
    along = _transport.directions(real.features.shape[1], projections, seed)
    found = _transport.sliced_wasserstein(real.features, fake.features, along, p)
    return {"sliced_wasserstein": found}


@_gives("wasserstein")
def wasserstein(real: _Side, fake: _Side, p: float = 1.0) -> dict[str, float]:
    """`wasserstein`, the exact distance of the features: up to 4,096 rows. The larger set is cut to
    the size of the smaller.
    """
    return {"wasserstein": _transport.wasserstein(*_as_many(real.features, fake.features), p)}


@_needs("images")
@_gives("swd", "swd_*")
def swd(real: _Side, fake: _Side, seed: int = 0) -> dict[str, float]:
    """`swd`, the sliced Wasserstein distance of patches (Karras et al. 2018), and that of each
    level of the pyramid, `swd_16` and up. The larger set is cut to the size of the smaller.
    """
    found = _transport.image_sliced_wasserstein(*_as_many(real.pictures, fake.pictures), seed)
    levels = {f"swd_{side}": float(x) for side, x in zip(found.sides, found.levels, strict=True)}
    return {"swd": float(found.mean), **levels}


@_needs("images")
@_gives("ms_ssim_pairs")
def ms_ssim_pairs(
    real: _Side, fake: _Side, scales: int = 5, window: int = 11, pairs: int = 100, seed: int = 0
) -> dict[str, float]:
    """`ms_ssim_pairs`, how alike two samples are (Odena et al. 2017), of one class where there are
    labels. It asks nothing of the real side: its baseline is what real images score.
    """

    def similarity(a: _np.ndarray, b: _np.ndarray) -> _np.ndarray:
        return _image.ms_ssim(a, b, 255, scales, window).values

    return {"ms_ssim_pairs": _alike(fake, similarity, pairs, seed)}


@_needs("images")
@_gives("lpips_pairs")
def lpips_pairs(
    real: _Side, fake: _Side, distance: _Callable, pairs: int = 100, seed: int = 0
) -> dict[str, float]:
    """`lpips_pairs`, how unlike two samples are, of one class where there are labels; `distance` is
    a `perceptual.Lpips`. It asks nothing of the real side.
    """
    return {"lpips_pairs": _alike(fake, distance, pairs, seed)}


@_needs("images", "labels")
@_gives("classification_accuracy")
def classification_accuracy(
    real: _Side, fake: _Side, trunk: _Any, steps: int = 1000, batch_size: int = 128, seed: int = 0
) -> dict[str, float]:
    """`classification_accuracy` on real images of a classifier trained on samples (Ravuri & Vinyals
    2019; the GAN-train of Shmelkov et al. 2018), and by class; `trunk` is any `Down`.
    """
    return {"classification_accuracy": _taught(fake, real, trunk, steps, batch_size, seed)}


@_needs("images", "labels", "known_train")
@_gives("sample_accuracy")
def sample_accuracy(
    real: _Side, fake: _Side, trunk: _Any, steps: int = 1000, batch_size: int = 128, seed: int = 0
) -> dict[str, float]:
    """`sample_accuracy` on samples of a classifier trained on real images: on what the model was
    trained on, where that is known (the GAN-test of Shmelkov et al. 2018), and by class; `trunk` is
    any `Down`.

    Samples that are too plain score above the baseline, which is what other real images score.
    """
    taught_by = real if real.train is None else real.train
    return {"sample_accuracy": _taught(taught_by, fake, trunk, steps, batch_size, seed)}


def _taught(by: _Side, on: _Side, trunk: _Any, steps: int, batch_size: int, seed: int) -> float:
    """Accuracy on one side of a classifier trained on the other."""
    from genlab.evaluation import accuracy

    sides = by.pictures, _given(by.labels), on.pictures, _given(on.labels)
    return accuracy.classification_accuracy(*sides, trunk, steps, batch_size, seed)


def _given(what: _T | None) -> _T:
    """What `needs` has seen to: a comparison without it is not made."""
    if what is None:
        raise ValueError("a comparison needs labels, or what the model was trained on: give them")
    return what


def _as_many(x: _np.ndarray, y: _np.ndarray) -> tuple[_np.ndarray, _np.ndarray]:
    """Both, the longer cut to the rows of the shorter."""
    count = min(len(x), len(y))

    def cut(rows):
        if len(rows) == count:
            return rows
        return rows[_np.sort(_np.random.default_rng(0).permutation(len(rows))[:count])]

    return cut(x), cut(y)


def _alike(side: _Side, similarity: _Callable, pairs: int, seed: int) -> float:
    return float(_image.diversity(side.pictures, similarity, side.labels, pairs, seed).similarity)
