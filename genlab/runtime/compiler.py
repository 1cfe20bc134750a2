"""XLA's options for whole programs, on platforms where its own choices are slower."""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

GPUS = ("cuda", "rocm")  # as lowering names the platforms of GPUs
OPTIONS = {
    "cpu": {  # YNNPACK for products and sums; its convolutions are slower than Eigen's
        "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,"
        "LIBRARY_FUSION_TYPE_REDUCE"
    }
}


def compiled(lowered, mesh: jax.sharding.Mesh):
    """The executable, under `options` of the mesh's platform."""
    return lowered.compile(compiler_options=options(mesh.devices.flat[0].platform))


def jit(fun: Callable, **kwargs) -> Callable:
    """`jax.jit` of a whole program without a placement, as evaluation's are, under `options` of the
    default platform; not to be called while another program is traced.
    """

    @cache
    def jitted() -> Callable:  # the backend is asked for when it first runs
        return jax.jit(fun, compiler_options=options(jax.default_backend()), **kwargs)

    @wraps(fun)
    def call(*args, **named):
        return jitted()(*args, **named)

    return call


@cache
def options(platform: str) -> dict[str, Any]:
    """Of `OPTIONS` what this XLA knows and the user has not set in XLA_FLAGS."""
    flags = os.environ.get("XLA_FLAGS", "")
    wanted: dict[str, Any] = {
        n: v for n, v in OPTIONS.get(platform, {}).items() if f"--{n}=" not in flags
    }
    if not wanted:
        return {}
    try:
        jax.jit(lambda: 0).lower().compile(compiler_options=wanted)
    except jax.errors.JaxRuntimeError as error:
        if not any(name in str(error) for name in wanted):
            raise
        return {}
    return wanted


@contextlib.contextmanager
def compiled_anew() -> Iterator[None]:
    """Meanwhile nothing compiled is read from the cache or kept in it: where compiling is measured,
    and where it is for devices that are not there, whose programs cannot be read back.
    """
    kept = jax.config.jax_enable_compilation_cache  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()  # JAX asks once in a process whether there is a cache
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", kept)
        compilation_cache.reset_cache()
