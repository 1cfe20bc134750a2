"""Versions, commit, hardware and options of a start."""

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OPTIONS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "JAX_DEFAULT_MATMUL_PRECISION")
LIBRARIES = {  # from PyPI; one generation of CUDA is installed
    "cuda": ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu11"),
    "cudnn": ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12", "nvidia-cudnn-cu11"),
    "nccl": ("nvidia-nccl-cu13", "nvidia-nccl-cu12", "nvidia-nccl-cu11"),
    "libtpu": ("libtpu",),
}


def version() -> str:
    """Of genlab, as installed."""
    return _version("genlab") or "unknown"


def environment() -> dict[str, Any]:
    """Versions, commit and hardware."""
    import jax

    device = jax.devices()[0]
    packages = ("genlab", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        **{name: _version(name) for name in packages},
        "commit": _commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.device_count(),
        "processes": jax.process_count(),
        "cpus": os.cpu_count(),
        **accelerator(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command(),
    }


def command() -> str:
    """The line of `genlab` that started this process; "" where something else did."""
    program = Path(sys.argv[0])
    ours = program.stem == "genlab" or program.parts[-2:] == ("genlab", "__main__.py")
    return shlex.join(["genlab", *sys.argv[1:]]) if ours else ""


def accelerator() -> dict[str, str]:
    """Options of XLA, and versions of what an accelerator's programs run on: what there is of them.

    driver, CUDA, cuDNN and NCCL are NVIDIA's; `runtime` is what JAX's backend says of itself;
    `topology`: the sides of a TPU slice, or how a host's GPUs are linked (`nvidia-smi topo -m`).
    """
    import jax

    found = {name: os.environ.get(name, "") for name in OPTIONS}
    told = jax.devices()[0].client.platform_version
    found["runtime"] = " ".join(told.split()) if jax.default_backend() != "cpu" else ""
    found["topology"] = topology(jax.devices())
    driver = Path("/proc/driver/nvidia/version")
    if driver.is_file():
        found["driver"] = driver.read_text().split("\n", 1)[0].removeprefix("NVRM version: ")
    for name, packages in LIBRARIES.items():
        found[name] = next(filter(None, map(_version, packages)), "")
    return {name: value for name, value in found.items() if value}


def topology(devices: Sequence[Any]) -> str:
    """Of these devices, as far as they say: "4x4" of 16 TPU chips; "" of CPUs."""
    places = [getattr(device, "coords", None) for device in devices]
    if all(places):
        return "x".join(str(max(side) - min(side) + 1) for side in zip(*places, strict=True))
    if devices[0].platform not in ("gpu", "cuda"):
        return ""
    ask = ["nvidia-smi", "topo", "-m"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    rows = [line.split("\t") for line in told.splitlines() if line.startswith("GPU")]
    return "; ".join(" ".join(cell.strip() for cell in row if cell.strip()) for row in rows)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The source's commit, with "+" where files differ from it; None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # installed inside somebody else's checkout
        return None
    git = ["git", "-C", str(root)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        )
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")
