"""Pieces of scikit-learn's two sample photographs: colour images of any size without a download."""

import numpy as np

from genlab.data import Source, from_arrays


def pieces(size: int = 128, count: int = 1_000, seed: int = 0) -> Source:
    """`count` squares of `size` pixels, anywhere in a Chinese temple and a flower (427 x 640)."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(seed)
    photographs = load_sample_images().images
    found = []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        top, left = (rng.integers(0, n - size + 1) for n in photograph.shape[:2])
        found.append(photograph[top : top + size, left : left + size])
    label = np.arange(count) % len(photographs)
    return from_arrays(np.stack(found), label, validation=count // 10, test=count // 10, seed=seed)
