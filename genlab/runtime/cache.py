"""The user's cache: compiled programs, trained feature networks and scores.

Nothing is ever lost with it: a command works without one, after a warning.
"""

import functools
import gc
import os
import tempfile
import warnings
from pathlib import Path

PROBE = 1 << 20  # bytes that there has to be room for


def cache() -> Path:
    """Where trained feature networks and compiled programs are kept: $GENLAB_CACHE, or
    ~/.cache/genlab; where neither can be written, a folder that this process takes with it.
    """
    if named := os.environ.get("GENLAB_CACHE"):
        return _writable(os.path.abspath(os.path.expanduser(named)))
    home = os.path.expanduser("~")  # stays "~" for a user whom the system does not know
    return _writable(os.path.join(home, ".cache", "genlab") if os.path.isabs(home) else "")


def start_jax() -> None:
    """Settings of JAX for a whole program: compiled programs are kept in the cache, so that the
    second start of a run need not compile. On a GPU the kernels that XLA tuned are too, whatever
    its flags were: not where they ask for deterministic ones.
    """
    gc.set_threshold(100_000)  # most of what a start makes stays: collecting takes a tenth
    import jax

    jax.config.update("jax_compilation_cache_dir", str(cache() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # many small ones add up
    if "deterministic" in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


@functools.cache
def _writable(wanted: str) -> Path:
    """The folder wanted, made if need be, or a temporary one in its place."""
    reason = "there is no home folder"
    if wanted:
        try:
            os.makedirs(wanted, exist_ok=True)
            with tempfile.TemporaryFile(dir=wanted) as file:
                file.write(bytes(PROBE))
            return Path(wanted)
        except OSError as error:
            reason = f"{wanted} cannot be written ({error.strerror})"
    made = _temporary()
    warnings.warn(
        f"{reason}: nothing is kept for the next command, which compiles and trains feature "
        "networks again; give a folder, GENLAB_CACHE=/path/to/one",
        stacklevel=3,
    )
    return Path(made.name)


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="genlab-", ignore_cleanup_errors=True)
