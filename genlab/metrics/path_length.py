"""Perceptual path length: how much images change along short steps between latents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real

BATCH = 64  # pairs of images at a time
SAMPLING = {"full": 1.0, "end": 0.0}  # how far along its path a step may begin


class Steps(NamedTuple):
    """mean, std: of the steps kept, each d / epsilon^2
    kept, count: steps between the two quantiles, and all of them
    """

    mean: float
    std: float
    kept: int
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]


@dataclass(frozen=True)
class Squared:
    """|x - y|^2 over all pixels: a distance without weights, and without regard to content. Takes
    images in [-1, 1] or any other arrays.
    """

    def __call__(
        self, x: Real[np.ndarray, " b *shape"], y: Real[np.ndarray, " b *shape"]
    ) -> Float[np.ndarray, " b"]:
        """Of each pair, in float64."""
        apart = np.asarray(x, np.float64) - np.asarray(y, np.float64)
        return (apart.reshape(len(apart), -1) ** 2).sum(axis=1)

    @property
    def protocol(self) -> dict:
        """What to report with a score by this distance."""
        return {"distance": "squared, of pixels"}


def perceptual_path_length(
    generate: Callable[..., Real[np.ndarray, " b *shape"]],
    distance: Callable[
        [Real[np.ndarray, " b *shape"], Real[np.ndarray, " b *shape"]], Float[np.ndarray, " b"]
    ],
    a: Float[np.ndarray, "n z"],
    b: Float[np.ndarray, "n z"],
    epsilon: float = 1e-4,
    space: str = "z",
    sampling: str = "full",
    seed: int = 0,
    percentiles: tuple[float, float] = (1.0, 99.0),
    batch: int = BATCH,
    labels: Int[np.ndarray, " n"] | None = None,
) -> Steps:
    """E[d(G(p(t)), G(p(t + epsilon))) / epsilon^2] over paths `p` from `a` to `b`, latents.

    Karras et al. 2019 (arXiv:1812.04948), Section 4.1: t uniform in [0, 1) ("full") or 0 ("end");
    `slerp` in the space of latents ("z"), `lerp` in one that a network made of them ("w"). As in
    their code, steps below the lower and above the upper of `percentiles` are left out, (0, 100)
    keeps all; so the mean of a linear generator is a little below its known answer, 2 |W|_F^2 for
    normal latents, `lerp` and squared distance.

    generate: latents -> images, not rounded to 256 levels, which would hide such a step.
              Called once for each end; its own noise must be the same in both
    distance: quadratic for small differences, such as `Lpips`
    labels:   one for all of a path, which `generate` is given after the latents

    Raises ValueError for latents of unequal shape or where no path is defined, an unknown space or
    sampling, and distances that are negative or not finite.
    """
    if space not in PATHS or sampling not in SAMPLING or not epsilon > 0:
        raise ValueError(
            f"space={space!r}, sampling={sampling!r}, epsilon={epsilon}; expected a space of "
            f"{list(PATHS)}, a sampling of {list(SAMPLING)}, and a step above 0"
        )
    a, b = _latents(a), _latents(b)
    if a.shape != b.shape:
        raise ValueError(
            f"paths from latents {a.shape} to {b.shape}; expected equal shapes [N, D]: a path a row"
        )
    if labels is not None and np.shape(labels)[:1] != a.shape[:1]:
        raise ValueError(
            f"labels {np.shape(labels)} for {len(a)} paths; expected one a path: give [{len(a)}]"
        )
    path = PATHS[space]
    t = np.random.default_rng(seed).uniform(0, 1, (len(a), 1)) * SAMPLING[sampling]
    parts = []
    for i in range(0, len(a), batch):
        rows = slice(i, i + batch)
        given = () if labels is None else (labels[rows],)
        first = generate(path(a[rows], b[rows], t[rows]), *given)
        second = generate(path(a[rows], b[rows], t[rows] + epsilon), *given)
        parts.append(np.asarray(distance(first, second), np.float64).reshape(-1))
    return _summary(np.concatenate(parts) / epsilon**2, percentiles)


def _summary(steps: Float[np.ndarray, " n"], percentiles: tuple[float, float]) -> Steps:
    if not (np.isfinite(steps) & (steps >= 0)).all():
        raise ValueError(
            f"distances along paths go from {steps.min()} to {steps.max()}; expected finite ones "
            "of at least 0: look at the generator, and at the distance of an image to itself"
        )
    low, high = percentiles
    first = np.percentile(steps, low, method="lower")
    last = np.percentile(steps, high, method="higher")
    kept = steps[(first <= steps) & (steps <= last)]
    return Steps(float(kept.mean()), float(kept.std()), len(kept), len(steps))


def lerp(
    a: Float[np.ndarray, "n z"], b: Float[np.ndarray, "n z"], t: Float[np.ndarray, "n 1"] | float
) -> Float[np.ndarray, "n z"]:
    """The straight line from `a` (t = 0) to `b` (t = 1)."""
    return a + t * (b - a)


def slerp(
    a: Float[np.ndarray, "n z"], b: Float[np.ndarray, "n z"], t: Float[np.ndarray, "n 1"]
) -> Float[np.ndarray, "n z"]:
    """Along the great circle from `a` (t = 0) to `b` (t = 1) at constant speed.

    Shoemake 1985 (SIGGRAPH 19(3)) for the directions; the length goes linearly from |a| to |b|. For
    a generator that normalises its latents, as StyleGAN's does, this is the path of Karras et al.,
    which lies on the unit sphere; for others it keeps to the latents' own lengths. Raises
    ValueError for latents of length 0 and for opposite ones, which no unique circle connects.
    """
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        from_, to = a / length_a, b / length_b
    apart = np.linalg.norm(from_ - to, axis=-1, keepdims=True)
    along = np.linalg.norm(from_ + to, axis=-1, keepdims=True)
    if not (along > 1e-6).all():
        raise ValueError(
            "latents of length 0, or opposite ones, were given to slerp; expected a single great "
            "circle between the two: draw from a continuous density of more than one dimension"
        )
    angle = 2 * np.arctan2(apart, along)  # arccos of the product would lose half the digits near 0
    near = angle < 1e-6
    sine = np.where(near, 1.0, np.sin(angle))
    start = np.where(near, 1 - t, np.sin((1 - t) * angle) / sine)
    end = np.where(near, t, np.sin(t * angle) / sine)
    return lerp(length_a, length_b, t) * (start * from_ + end * to)


PATHS = {"z": slerp, "w": lerp}


def _latents(z: Real[np.ndarray, "n z"]) -> Float[np.ndarray, "n z"]:
    z = np.asarray(z, np.float64)  # a step of 1e-4 leaves three digits of a float32
    if z.ndim != 2 or 0 in z.shape or not np.isfinite(z).all():
        raise ValueError(
            f"latents have shape {z.shape}; expected [N, D], neither of them 0, of finite numbers: "
            "flatten them to rows, and let `generate` shape them back"
        )
    return z
