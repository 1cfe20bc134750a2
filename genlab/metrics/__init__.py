"""Scores of samples: arrays in, numbers out, in NumPy float64 on the host and without state.

    from genlab import metrics
    metrics.frechet_distance(a, b)  # features [N, D] and [M, D] of any network
    metrics.compare(real, fake, features=metrics.features.Pixels(), scores=("fd", "kid"))

A score says nothing alone: report it with the feature space, the counts, the split and the seeds,
which `compare` gives with it as its protocol.
"""

import importlib

_HOME = {
    "Bound": "scores",
    "Fidelity": "fidelity",
    "Modes": "scores",
    "Outcome": "subject",
    "Reconstruction": "scores",
    "Side": "sides",
    "Subject": "subject",
    "authenticity": "neighbours",
    "bits_per_dimension": "bound",
    "bootstrap": "resampling",
    "class_frechet": "frechet",
    "compare": "measuring",
    "density_coverage": "neighbours",
    "fd_infinity": "frechet",
    "features": "features",
    "frechet_distance": "frechet",
    "frechet_from_moments": "frechet",
    "importance_weighted": "bound",
    "kernel_distance": "kernel",
    "memorisation": "neighbours",
    "merge": "frechet",
    "mmd": "kernel",
    "mode_scores": "modes",
    "moments": "frechet",
    "mse": "image",
    "nearest": "neighbours",
    "needs": "sides",
    "precision_recall": "neighbours",
    "psnr": "image",
    "ssim": "image",
    "vendi_from_features": "vendi",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Public names are imported when first used: the Frechet distance needs no JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab.metrics' has no attribute {name!r}")
    module = importlib.import_module(f"genlab.metrics.{_HOME[name]}")
    return module if name == _HOME[name] else getattr(module, name)
