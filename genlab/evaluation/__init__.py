"""Evaluation: trained runs and sets of images, scored under a recorded protocol.

from genlab import evaluation, features
evaluation.compare(real, fake, features=features.Pixels(), scores=("fd", "kid"))
"""

import importlib

_HOME = {
    "Annealed": "evaluators",
    "Bound": "evaluators",
    "Fidelity": "fidelity",
    "Modes": "evaluators",
    "EvaluationResult": "context",
    "PathLength": "evaluators",
    "Reconstruction": "evaluators",
    "SampleSet": "sample_set",
    "EvaluationContext": "context",
    "classification_accuracy": "accuracy",
    "compare": "comparison",
    "needs": "sample_set",
    "settles": "sample_set",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Public names are imported when first used, so that `genlab --help` need not wait for JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab.evaluation' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genlab.evaluation.{_HOME[name]}"), name)
