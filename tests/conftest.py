"""Eight virtual devices, a cache of its own, and no silent broadcasting between ranks.

The suite's time is compilation, and LLVM's optimiser is a third of it: it is off here, unless
XLA_FLAGS is set (XLA_FLAGS= for what users get), and on in the programs that tests start.
"""

import gc
import os

import jax
import pytest

FAST = {} if "XLA_FLAGS" in os.environ else {"XLA_FLAGS": "--xla_backend_optimization_level=0"}

gc.set_threshold(100_000)  # as the launcher does
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
os.environ.update(FAST)
jax.devices()  # reads the flags, once
for name in FAST:
    del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """What tests train and compile stays out of the user's cache."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    os.environ["GENLAB_CACHE"] = str(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    return folder
