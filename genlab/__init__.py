"""genlab: a JAX laboratory for generative models. A method is a game, a config is data, a run is
one pytree.
"""

import importlib

_HOME = {
    "Experiment": "genlab.config.experiment",
    "Loop": "genlab.config.experiment",
    "Method": "genlab.game",
    "Objective": "genlab.losses.adversarial",
    "Player": "genlab.game",
    "State": "genlab.game",
    "build": "genlab.config",
    "evaluate": "genlab.evaluation.evaluate",
    "fit": "genlab.api",
    "override": "genlab.config",
    "report": "genlab.report",
    "spec": "genlab.config",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    """Public names are imported when first used, so that `genlab --help` need not wait for JAX."""
    if name not in _HOME:
        raise AttributeError(f"module 'genlab' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    return module if name == "report" else getattr(module, name)
