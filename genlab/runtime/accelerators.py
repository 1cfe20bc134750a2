"""Published figures of accelerators: what a measured or predicted speed is compared with.

Peaks are dense. JAX's default precision rounds the factors of a float32 product to bfloat16 on TPU
and to TensorFloat32 on NVIDIA's GPUs since Ampere (https://docs.jax.dev/en/latest/201/precision.html),
so that is the peak that float32 programs are compared with.
"""

from typing import NamedTuple

GB, GiB, TERA = 1e9, 2**30, 1e12


class Accelerator(NamedTuple):
    """One device as JAX counts them: a TPU's chip, a GPU.

    flops:     FLOP/s by the dtype of a program's arrays
    memory:    bytes of main memory
    bandwidth: bytes/s of main memory
    link:      bytes/s one way over one link to a neighbour; 0 where no prediction uses it
    source:    where the figures are published
    unchecked: figures that were not read at the source, but are from memory
    """

    flops: dict[str, float]
    memory: float
    bandwidth: float
    link: float
    source: str
    unchecked: tuple[str, ...] = ()


def _tpu(
    peak: float, memory: float, bandwidth: float, link: float, page: str, *unchecked: str
) -> Accelerator:
    both: dict[str, float] = {"bfloat16": peak * TERA, "float32": peak * TERA}
    source = f"https://docs.cloud.google.com/tpu/docs/{page}"
    return Accelerator(both, memory, bandwidth * GB, link * GB, source, unchecked)


TPUS = {  # links: half the published two-way bandwidth of a chip, over its 4 or 6 links
    "v4": _tpu(275, 32 * GiB, 1200, 50, "v4 (links: Jouppi et al. 2023, arXiv:2304.01433)", "link"),
    # "16 GB" are GiB, of which the compiler leaves 15.75
    "v5e": _tpu(197, 16 * GiB, 819, 50, "v5e"),
    "v5p": _tpu(459, 95 * GiB, 2765, 100, "v5p"),
    "v6e": _tpu(918, 32 * GiB, 1638, 100, "v6e"),
}
KINDS = {"TPU v4": "v4", "TPU v5 lite": "v5e", "TPU v5": "v5p", "TPU v6 lite": "v6e"}
"""A TPU's generation by JAX's `device_kind`."""


def _gpu(
    bf16: float, tf32: float, fp32: float, memory: float, bandwidth: float, source: str, *unchecked
) -> Accelerator:
    """float32 programs multiply in TensorFloat32, where there is that."""
    flops = {"bfloat16": bf16 * TERA, "float16": bf16 * TERA, "float32": (tf32 or fp32) * TERA}
    flops = {dtype: peak for dtype, peak in flops.items() if peak}
    return Accelerator(flops, memory * GB, bandwidth * GB, 0.0, source, unchecked)


HOPPER = "NVIDIA H100 datasheet (with sparsity: twice these)"
AMPERE = "NVIDIA A100 datasheet"
GPUS = {  # by the beginning of `device_kind`; the longest that fits counts
    "NVIDIA H100": _gpu(989.5, 494.7, 67, 80, 3350, HOPPER),
    "NVIDIA H100 PCIe": _gpu(756.5, 378, 51, 80, 2000, HOPPER),
    "NVIDIA H200": _gpu(989.5, 494.7, 67, 141, 4800, "NVIDIA H200 datasheet", "all"),
    "NVIDIA A100": _gpu(312, 156, 19.5, 40, 1555, AMPERE),
    "NVIDIA A100-SXM4-80GB": _gpu(312, 156, 19.5, 80, 2039, AMPERE),
    "NVIDIA A100 80GB": _gpu(312, 156, 19.5, 80, 1935, AMPERE, "bandwidth"),
    "NVIDIA B200": _gpu(2250, 1125, 75, 192, 7700, "NVIDIA B200 datasheet", "memory", "bandwidth"),
    "NVIDIA L4": _gpu(121, 60, 30.3, 24, 300, "NVIDIA L4 datasheet", "flops"),
    "NVIDIA L40S": _gpu(362, 183, 91.6, 48, 864, "NVIDIA L40S datasheet", "all"),
    "Tesla V100": _gpu(0, 0, 15.7, 16, 900, "NVIDIA V100 datasheet", "all"),
}


def known(kind: str) -> Accelerator | None:
    """The figures of a device by JAX's `device_kind`; None of one that has none here."""
    if kind in KINDS:
        return TPUS[KINDS[kind]]
    fits = [name for name in GPUS if kind == name or kind.startswith((f"{name} ", f"{name}-"))]
    return GPUS[max(fits, key=len)] if fits else None
