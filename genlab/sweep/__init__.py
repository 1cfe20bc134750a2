"""Sweeps: variants x seeds, planned, run here or by an executor, and resumed.

`genlab.sweep("runs/losses")` reads one back: `.table()`, `.curves()`, `.run(variant, seed)`.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genlab.sampling.sweeps import LoadedSweep


class _Package(ModuleType):
    """This package, which can be called: importing any of its modules makes `genlab.sweep` name the
    package, so a function of that name would be lost.
    """

    def __call__(self, workdir: str | Path) -> "LoadedSweep":
        """A sweep's folder, or that of one run, as it is now, also while it goes on; ConfigError
        where there is neither.
        """
        from genlab.sampling.sweeps import load_sweep

        return load_sweep(workdir)


sys.modules[__name__].__class__ = _Package
