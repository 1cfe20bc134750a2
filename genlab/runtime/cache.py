"""The user's cache: compiled programs, trained feature networks and scores."""

import gc
import os
from pathlib import Path


def cache() -> Path:
    """Where trained feature networks and compiled programs are kept: $GENLAB_CACHE, or
    ~/.cache/genlab.
    """
    return Path(os.environ.get("GENLAB_CACHE") or Path.home() / ".cache" / "genlab")


def start_jax() -> None:
    """Compiled programs are kept beside the feature networks, so that a run's second start need not
    compile.
    """
    gc.set_threshold(100_000)  # of what a start makes nearly all stays: searching it takes a tenth
    import jax

    jax.config.update("jax_compilation_cache_dir", str(cache() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # many small make a second
