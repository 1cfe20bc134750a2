"""Perceptual path length of a small generator, from latents of a seed, squared distance."""

import sys
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write

COUNT, WIDTH, SEED = 400, 6, 11
EPSILON = 0.03125  # the reference interpolates in float32, which a smaller step would show


def weights():
    rng = np.random.default_rng(0)
    return rng.normal(size=(WIDTH, 16)), rng.normal(size=(16, 12))


def latents(kind):
    """As the reference draws them: all of one end, then all of the other."""
    rng = np.random.RandomState(SEED)
    draw = {"unit": rng.rand, "normal": rng.randn}[kind]
    ends = [draw(COUNT, WIDTH).astype(np.float32).astype(np.float64) for _ in range(2)]
    if kind == "unit":
        ends = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in ends]
    return ends


def ours(space, kind, percentiles):
    from genlab.metrics.path_length import perceptual_path_length

    first, second = weights()
    found = perceptual_path_length(
        lambda z: np.tanh(z @ first) @ second,
        lambda x, y: ((x - y) ** 2).sum(1),
        *latents(kind),
        EPSILON,
        space,
        "end",
        percentiles=percentiles,
    )
    return [found.mean, found.std]


def theirs(interpolation, kind, percentiles):
    import torch
    from torch_fidelity import (
        GenerativeModelModuleWrapper,
        calculate_metrics,
        register_sample_similarity,
    )
    from torch_fidelity.registry import SAMPLE_SIMILARITY_REGISTRY
    from torch_fidelity.sample_similarity_base import SampleSimilarityBase

    class Squared(SampleSimilarityBase):
        def __init__(self, name, **_):
            super().__init__(name)

        def forward(self, x, y):
            return ((x - y) ** 2).sum(1)

    class Generator(torch.nn.Module):
        def forward(self, z):
            first, second = (torch.from_numpy(w) for w in weights())
            return torch.tanh(z.double() @ first) @ second

    if "squared" not in SAMPLE_SIMILARITY_REGISTRY:
        register_sample_similarity("squared", Squared)
    low, high = percentiles
    percentile = np.percentile

    def renamed(a, q, interpolation):  # NumPy 2.4 has dropped the name that the reference uses
        return percentile(a, q, method=interpolation)

    options = dict(
        input1=GenerativeModelModuleWrapper(Generator(), WIDTH, kind, 0),
        input1_model_num_samples=COUNT,
        cuda=False,
        ppl=True,
        ppl_epsilon=EPSILON,
        ppl_z_interp_mode=interpolation,
        ppl_sample_similarity="squared",
        ppl_sample_similarity_resize=None,
        ppl_sample_similarity_dtype=None,
        ppl_discard_percentile_lower=low or None,
        ppl_discard_percentile_higher=None if high == 100 else high,
        rng_seed=SEED,
        verbose=False,
    )
    with mock.patch("numpy.percentile", renamed):
        found = calculate_metrics(**options)
    return [found["perceptual_path_length_mean"], found["perceptual_path_length_std"]]


CASES = [
    Case(
        f"path-length-{interpolation}-{low}-to-{high}",
        "path_length.perceptual_path_length",
        "torch-fidelity",
        lambda s=space, k=kind, p=(low, high): ours(s, k, p),
        lambda i=interpolation, k=kind, p=(low, high): theirs(i, k, p),
        1e-5,
    )
    for interpolation, space, kind in (("lerp", "w", "normal"), ("slerp_unit", "z", "unit"))
    for low, high in ((1, 99), (0, 100))
]

if __name__ == "__main__":
    write(__file__, CASES)
