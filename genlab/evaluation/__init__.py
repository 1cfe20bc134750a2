"""Evaluation: trained runs and sets of images, scored under a recorded protocol.

from genlab import evaluation, features
evaluation.compare(real, fake, features=features.Pixels(), scores=("fd", "kid"))
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; at run time, see __getattr__
    from genlab.evaluation.accuracy import classification_accuracy as classification_accuracy
    from genlab.evaluation.cas import CAS as CAS
    from genlab.evaluation.comparison import compare as compare
    from genlab.evaluation.context import EvaluationContext as EvaluationContext
    from genlab.evaluation.context import EvaluationResult as EvaluationResult
    from genlab.evaluation.control import Control as Control
    from genlab.evaluation.convention import Convention as Convention
    from genlab.evaluation.disentanglement import Disentanglement as Disentanglement
    from genlab.evaluation.evaluators import Annealed as Annealed
    from genlab.evaluation.evaluators import Bound as Bound
    from genlab.evaluation.evaluators import Modes as Modes
    from genlab.evaluation.evaluators import PathLength as PathLength
    from genlab.evaluation.evaluators import Reconstruction as Reconstruction
    from genlab.evaluation.fidelity import Fidelity as Fidelity
    from genlab.evaluation.guided import Guided as Guided
    from genlab.evaluation.latent_space import LatentSpace as LatentSpace
    from genlab.evaluation.mig import MIG as MIG
    from genlab.evaluation.parts import PerClass as PerClass
    from genlab.evaluation.restoration import Restoration as Restoration
    from genlab.evaluation.sample_set import SampleSet as SampleSet
    from genlab.evaluation.sample_set import needs as needs
    from genlab.evaluation.sample_set import settles as settles
    from genlab.evaluation.style import Style as Style
    from genlab.evaluation.warp import Warp as Warp

_HOME = {
    "Annealed": "evaluators",
    "Bound": "evaluators",
    "CAS": "cas",
    "Control": "control",
    "Convention": "convention",
    "Disentanglement": "disentanglement",
    "Fidelity": "fidelity",
    "LatentSpace": "latent_space",
    "Guided": "guided",
    "MIG": "mig",
    "Modes": "evaluators",
    "EvaluationResult": "context",
    "PathLength": "evaluators",
    "PerClass": "parts",
    "Reconstruction": "evaluators",
    "Restoration": "restoration",
    "SampleSet": "sample_set",
    "Style": "style",
    "Warp": "warp",
    "EvaluationContext": "context",
    "classification_accuracy": "accuracy",
    "compare": "comparison",
    "needs": "sample_set",
    "settles": "sample_set",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    """Public names are imported when first used, so that `genlab --help` need not wait for JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab.evaluation' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genlab.evaluation.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
