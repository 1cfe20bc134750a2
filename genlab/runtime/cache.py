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
    """Settings of JAX for a whole program: compiled programs are kept in the cache, so that the
    second start of a run need not compile.
    """
    gc.set_threshold(100_000)  # most of what a start makes stays: collecting takes a tenth
    import jax

    jax.config.update("jax_compilation_cache_dir", str(cache() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # many small ones add up
