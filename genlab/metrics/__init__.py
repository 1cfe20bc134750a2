"""Scores of samples: arrays in, numbers out, in NumPy float64 on the host and without state.

    from genlab import metrics
    metrics.frechet_distance(a, b)  # features [N, D] and [M, D] of any network
    metrics.precision_recall(a, b)

A score means nothing by itself: report it with the feature space, the counts, the split and the
seeds, which `genlab.evaluation.compare` returns as its protocol.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; at run time, see __getattr__
    from genlab.metrics.annealing import ais as ais
    from genlab.metrics.annealing import bdmc as bdmc
    from genlab.metrics.annealing import sigmoidal as sigmoidal
    from genlab.metrics.bins import ndb as ndb
    from genlab.metrics.bins import ndb_from_counts as ndb_from_counts
    from genlab.metrics.bound import bits_per_dimension as bits_per_dimension
    from genlab.metrics.bound import importance_weighted as importance_weighted
    from genlab.metrics.class_scores import inception_score as inception_score
    from genlab.metrics.control import accuracy as accuracy
    from genlab.metrics.control import calibration as calibration
    from genlab.metrics.control import leakage as leakage
    from genlab.metrics.control import r2 as r2
    from genlab.metrics.curves import f_beta as f_beta
    from genlab.metrics.curves import prd as prd
    from genlab.metrics.curves import prd_from_histograms as prd_from_histograms
    from genlab.metrics.disentanglement import mutual_information_gap as mutual_information_gap
    from genlab.metrics.frechet import class_frechet as class_frechet
    from genlab.metrics.frechet import fd_infinity as fd_infinity
    from genlab.metrics.frechet import frechet_distance as frechet_distance
    from genlab.metrics.frechet import frechet_from_moments as frechet_from_moments
    from genlab.metrics.frechet import merge as merge
    from genlab.metrics.frechet import moments as moments
    from genlab.metrics.image import diversity as diversity
    from genlab.metrics.image import ms_ssim as ms_ssim
    from genlab.metrics.image import mse as mse
    from genlab.metrics.image import psnr as psnr
    from genlab.metrics.image import ssim as ssim
    from genlab.metrics.image import ssim_map as ssim_map
    from genlab.metrics.kernel import gaussian as gaussian
    from genlab.metrics.kernel import kernel_distance as kernel_distance
    from genlab.metrics.kernel import median_bandwidth as median_bandwidth
    from genlab.metrics.kernel import mmd as mmd
    from genlab.metrics.kernel import polynomial as polynomial
    from genlab.metrics.modes import mode_scores as mode_scores
    from genlab.metrics.neighbours import authenticity as authenticity
    from genlab.metrics.neighbours import density_coverage as density_coverage
    from genlab.metrics.neighbours import memorisation as memorisation
    from genlab.metrics.neighbours import nearest as nearest
    from genlab.metrics.neighbours import precision_recall as precision_recall
    from genlab.metrics.no_reference import colour_difference as colour_difference
    from genlab.metrics.no_reference import contrast as contrast
    from genlab.metrics.no_reference import histogram_difference as histogram_difference
    from genlab.metrics.no_reference import noise as noise
    from genlab.metrics.no_reference import sharpness as sharpness
    from genlab.metrics.path_length import Squared as Squared
    from genlab.metrics.path_length import perceptual_path_length as perceptual_path_length
    from genlab.metrics.perceptual import Lpips as Lpips
    from genlab.metrics.resampling import bootstrap as bootstrap
    from genlab.metrics.restoration import capped_psnr as capped_psnr
    from genlab.metrics.restoration import luma as luma
    from genlab.metrics.restoration import region_mae as region_mae
    from genlab.metrics.restoration import region_psnr as region_psnr
    from genlab.metrics.restoration import region_ssim as region_ssim
    from genlab.metrics.restoration import shaved as shaved
    from genlab.metrics.style import content_distance as content_distance
    from genlab.metrics.style import gram_distance as gram_distance
    from genlab.metrics.text import bleu as bleu
    from genlab.metrics.text import self_bleu as self_bleu
    from genlab.metrics.transport import directions as directions
    from genlab.metrics.transport import image_sliced_wasserstein as image_sliced_wasserstein
    from genlab.metrics.transport import sliced_wasserstein as sliced_wasserstein
    from genlab.metrics.transport import wasserstein as wasserstein
    from genlab.metrics.two_sample import mmd_test as mmd_test
    from genlab.metrics.two_sample import nearest_neighbour_test as nearest_neighbour_test
    from genlab.metrics.vendi import vendi_from_features as vendi_from_features
    from genlab.metrics.vendi import vendi_from_kernel as vendi_from_kernel

_HOME = {
    "Lpips": "perceptual",
    "Squared": "path_length",
    "accuracy": "control",
    "ais": "annealing",
    "authenticity": "neighbours",
    "bdmc": "annealing",
    "bits_per_dimension": "bound",
    "bleu": "text",
    "bootstrap": "resampling",
    "calibration": "control",
    "capped_psnr": "restoration",
    "class_frechet": "frechet",
    "colour_difference": "no_reference",
    "content_distance": "style",
    "contrast": "no_reference",
    "density_coverage": "neighbours",
    "directions": "transport",
    "diversity": "image",
    "f_beta": "curves",
    "fd_infinity": "frechet",
    "frechet_distance": "frechet",
    "frechet_from_moments": "frechet",
    "gaussian": "kernel",
    "gram_distance": "style",
    "histogram_difference": "no_reference",
    "image_sliced_wasserstein": "transport",
    "importance_weighted": "bound",
    "inception_score": "class_scores",
    "kernel_distance": "kernel",
    "leakage": "control",
    "luma": "restoration",
    "median_bandwidth": "kernel",
    "memorisation": "neighbours",
    "merge": "frechet",
    "mmd": "kernel",
    "mmd_test": "two_sample",
    "mode_scores": "modes",
    "moments": "frechet",
    "ms_ssim": "image",
    "mse": "image",
    "mutual_information_gap": "disentanglement",
    "ndb": "bins",
    "ndb_from_counts": "bins",
    "nearest": "neighbours",
    "nearest_neighbour_test": "two_sample",
    "noise": "no_reference",
    "perceptual_path_length": "path_length",
    "polynomial": "kernel",
    "prd": "curves",
    "prd_from_histograms": "curves",
    "precision_recall": "neighbours",
    "psnr": "image",
    "r2": "control",
    "region_mae": "restoration",
    "region_psnr": "restoration",
    "region_ssim": "restoration",
    "self_bleu": "text",
    "sharpness": "no_reference",
    "shaved": "restoration",
    "sigmoidal": "annealing",
    "sliced_wasserstein": "transport",
    "ssim": "image",
    "ssim_map": "image",
    "vendi_from_features": "vendi",
    "vendi_from_kernel": "vendi",
    "wasserstein": "transport",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    """Public names are imported when first used: the Frechet distance needs no JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genlab.metrics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
