"""Scores of samples: arrays in, numbers out, in NumPy float64 on the host and without state.

    from genlab import metrics
    metrics.frechet_distance(a, b)  # features [N, D] and [M, D] of any network
    metrics.precision_recall(a, b)

A score means nothing by itself: report it with the feature space, the counts, the split and the
seeds, which `genlab.evaluation.compare` returns as its protocol.
"""

import importlib

_HOME = {
    "Lpips": "perceptual",
    "Squared": "path_length",
    "ais": "annealing",
    "authenticity": "neighbours",
    "bdmc": "annealing",
    "bits_per_dimension": "bound",
    "bleu": "text",
    "bootstrap": "resampling",
    "class_frechet": "frechet",
    "density_coverage": "neighbours",
    "directions": "transport",
    "diversity": "image",
    "f_beta": "curves",
    "fd_infinity": "frechet",
    "frechet_distance": "frechet",
    "frechet_from_moments": "frechet",
    "gaussian": "kernel",
    "image_sliced_wasserstein": "transport",
    "importance_weighted": "bound",
    "inception_score": "class_scores",
    "kernel_distance": "kernel",
    "median_bandwidth": "kernel",
    "memorisation": "neighbours",
    "merge": "frechet",
    "mmd": "kernel",
    "mmd_test": "two_sample",
    "mode_scores": "modes",
    "moments": "frechet",
    "ms_ssim": "image",
    "mse": "image",
    "ndb": "bins",
    "ndb_from_counts": "bins",
    "nearest": "neighbours",
    "nearest_neighbour_test": "two_sample",
    "perceptual_path_length": "path_length",
    "polynomial": "kernel",
    "prd": "curves",
    "prd_from_histograms": "curves",
    "precision_recall": "neighbours",
    "psnr": "image",
    "self_bleu": "text",
    "sigmoidal": "annealing",
    "sliced_wasserstein": "transport",
    "ssim": "image",
    "vendi_from_features": "vendi",
    "vendi_from_kernel": "vendi",
    "wasserstein": "transport",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Public names are imported when first used: the Frechet distance needs no JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab.metrics' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genlab.metrics.{_HOME[name]}"), name)
