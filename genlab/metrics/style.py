"""Distances of style transfer, in feature maps of any network: content, and style by Gram matrices.

Johnson et al. 2016 (arXiv:1603.08155, equations 2 to 4), after Gatys et al. 2015
(arXiv:1508.06576), whose normalisation differs: numbers of the two do not compare.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real

Maps = Real[np.ndarray, "b h w c"]


def gram(maps: Maps) -> Float[np.ndarray, "b c c"]:
    """Inner products of channels over positions, divided by h w c: Johnson et al., equation 3."""
    count, height, width, channels = maps.shape
    rows = np.asarray(maps, np.float64).reshape(count, height * width, channels)
    return np.einsum("bpi,bpj->bij", rows, rows) / (height * width * channels)


def gram_distance(a: Sequence[Maps], b: Sequence[Maps]) -> Float[np.ndarray, " b"]:
    """The squared Frobenius norm of the difference of Gram matrices, summed over the layers:
    Johnson et al., equation 4. The two may have maps of other sizes. ValueError for unlike layers.
    """
    _check(a, b, spatial=False)
    return sum(
        (((gram(x) - gram(y)) ** 2).sum((1, 2)) for x, y in zip(a, b, strict=True)),
        np.zeros(len(a[0])),
    )


def content_distance(a: Sequence[Maps], b: Sequence[Maps]) -> Float[np.ndarray, " b"]:
    """The mean squared difference of feature maps, summed over the layers: Johnson et al.,
    equation 2. ValueError for unlike maps.
    """
    _check(a, b, spatial=True)
    return sum(
        (((np.asarray(x, np.float64) - y) ** 2).mean((1, 2, 3)) for x, y in zip(a, b, strict=True)),
        np.zeros(len(a[0])),
    )


def _check(a: Sequence[Maps], b: Sequence[Maps], spatial: bool) -> None:
    shapes = [[x.shape if spatial else (x.shape[0], x.shape[3]) for x in side] for side in (a, b)]
    if shapes[0] != shapes[1] or not len(a):
        raise ValueError(
            f"feature maps of {shapes[0]} and {shapes[1]}; expected as many of the same "
            f"{'shape' if spatial else 'count and channels'}, [B, H, W, C] of each layer"
        )
