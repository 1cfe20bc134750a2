"""genlab: a JAX laboratory for generative models. A method is a game, a config is data, a run is
one pytree.

    config = genlab.spec(genlab.Experiment, method=..., data=..., optim=...)
    genlab.fit(config, "runs/x")  # trains; once more, it goes on
    run = genlab.load("runs/x")  # run.sample(16), run.scores, run.metrics["gen/loss"], run.params
    genlab.evaluate("runs/x")  # scores of the test split, with their protocol
    genlab.sweep("runs").table()  # of a sweep's folder, a pandas frame
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; at run time, see __getattr__
    __version__: str
    from genlab import report as report
    from genlab.api import fit as fit
    from genlab.config import build as build
    from genlab.config import override as override
    from genlab.config import spec as spec
    from genlab.config.experiment import Experiment as Experiment
    from genlab.config.experiment import Loop as Loop
    from genlab.evaluation.evaluate import evaluate as evaluate
    from genlab.game import Method as Method
    from genlab.game import Player as Player
    from genlab.game import State as State
    from genlab.losses.adversarial import Objective as Objective
    from genlab.nets import trained as trained
    from genlab.sampling.load import load as load
    from genlab.sampling.sweeps import load_sweep as load_sweep
    from genlab.sampling.sweeps import load_sweep as sweep  # noqa: F401

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
    "load": "genlab.sampling.load",
    "load_sweep": "genlab.sampling.sweeps",
    "override": "genlab.config",
    "report": "genlab.report",
    "spec": "genlab.config",
    "sweep": "genlab.sweep",
    "trained": "genlab.nets",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    """Public names are imported when first used, so that `genlab --help` need not wait for JAX."""
    if name == "__version__":
        from genlab.runs.environment import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'genlab' has no attribute {name!r}")
    module = importlib.import_module(_HOME[name])
    return module if name in ("report", "sweep") else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({"__doc__", "__version__", *__all__})
