"""Directions in a latent space: unit vectors [K, D] along which what a generator makes changes.

Supervised by attributes (InterFaceGAN: Shen et al. 2020, arXiv:1907.10786; 2005.09635), in closed
form from weights (SeFa: Shen & Zhou 2021, arXiv:2007.06600), by principal components (GANSpace:
Harkonen et al. 2020, arXiv:2004.02546), and drawn at random: the baseline of the others.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from genlab.config import ConfigError

RIDGE = 1e-3  # of the latents' variance: for spaces in which some directions hardly vary
Array = np.ndarray


class Fitted(NamedTuple):
    """An attribute's regression on the latents.

    slope: [D], of the attribute along each axis; along it is the supervised direction
    fit:   share of the attribute's variance that is linear in the latent, R^2 on latents held out;
           at most 1, and near 0 where the direction means nothing
    """

    slope: Float[Array, " d"]
    fit: float


def supervised(
    latents: Float[Array, "n d"], values: Float[Array, " n"], held_out: float = 0.3
) -> Fitted:
    """The normal of the hyperplanes of equal `values`: the attribute's least-squares regression on
    the latents, for 0 and 1 (has it or not) Fisher's linear discriminant. InterFaceGAN takes the
    normal of a linear support vector machine between the 2 % highest and lowest.

    The last `held_out` share of the rows is not fitted on and gives `fit`. Raises ConfigError for
    an attribute that does not vary.
    """
    values = np.asarray(values, np.float64)
    cut = len(values) - int(len(values) * held_out)
    if not np.ptp(values[:cut]) or not np.ptp(values[cut:]):
        raise ConfigError(
            f"the attribute is {values[0]:.4g} in nearly all {len(values)} samples, so that no "
            "direction changes it: take more samples, or an attribute that varies"
        )
    slope, intercept = _regression(np.asarray(latents[:cut], np.float64), values[:cut])
    left = values[cut:] - latents[cut:] @ slope - intercept
    fit = 1 - np.square(left).sum() / np.square(values[cut:] - values[cut:].mean()).sum()
    return Fitted(slope, float(fit))


def conditional(direction: Float[Array, " d"], others: Float[Array, "k d"]) -> Float[Array, " d"]:
    """The direction without its components along the `others`: conditional manipulation, which
    keeps their attributes (InterFaceGAN: n1 - (n1 . n2) n2; for several, what is
    orthogonal to all).

    Raises ConfigError where nothing is left.
    """
    _, sizes, rows = np.linalg.svd(unit(np.asarray(others, np.float64)), full_matrices=False)
    basis = rows[sizes > 1e-4]  # those of all values of a label depend on one another
    left = direction - (direction @ basis.T) @ basis
    if np.linalg.norm(left) < 1e-6 * np.linalg.norm(direction):
        raise ConfigError(
            "nothing of the direction is left that keeps the others: keep fewer attributes"
        )
    return unit(left)


def sefa(weights: Float[Array, "m d"], k: int) -> Float[Array, "k d"]:
    """The `k` eigenvectors of A^T A with the largest eigenvalues: the directions that a layer
    y = A z + b passes on most strongly (SeFa).
    """
    weights = np.asarray(weights, np.float64)
    _, vectors = np.linalg.eigh(weights.T @ weights)  # ascending
    return vectors[:, ::-1][:, :k].T


def unit_rows(weights: Float[Array, "m d"]) -> Float[Array, "m d"]:
    """Every output's weights at norm 1, as the authors' code has them (genforce/sefa, utils.py),
    so that layers of unlike scales count alike.
    """
    norm = np.linalg.norm(weights, axis=1, keepdims=True)
    return weights / np.maximum(norm, 1e-12)


def principal(latents: Float[Array, "n d"], k: int) -> Float[Array, "k d"]:
    """The `k` principal components of latents: GANSpace in w."""
    centred = np.asarray(latents, np.float64) - np.mean(latents, 0, dtype=np.float64)
    _, _, vectors = np.linalg.svd(centred, full_matrices=False)
    return vectors[:k]


def ganspace(
    latents: Float[Array, "n d"], activations: Float[Array, "n m"], k: int
) -> Float[Array, "k d"]:
    """GANSpace where there is no w: the `k` principal components of a layer's activations, carried
    back to the latents z by their regression on the coordinates, U = argmin sum |U x_j - z_j|^2
    (Harkonen et al. 2020), each at norm 1.
    """
    latents, y = np.asarray(latents, np.float64), np.asarray(activations, np.float64)
    y, z = y - y.mean(0), latents - latents.mean(0)
    squares, coordinates = np.linalg.eigh(y @ y.T)  # ascending; few examples of wide layers
    rank = int((squares > 1e-10 * squares[-1]).sum())
    return unit(coordinates[:, ::-1][:, : min(k, rank)].T @ z)  # orthonormal: regression's answer


def random_directions(dimensions: int, k: int, seed: int = 0) -> Float[Array, "k d"]:
    """`k` directions drawn evenly from the sphere."""
    return unit(np.random.default_rng(seed).standard_normal((k, dimensions)))


def unit(vectors: Float[Array, "*k d"]) -> Float[Array, "*k d"]:
    """At norm 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _regression(x: Array, y: Array) -> tuple[Array, float]:
    """Least squares with an intercept, a ridge of `RIDGE` of the mean variance."""
    mean = x.mean(0)
    centred = x - mean
    gram = centred.T @ centred
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    slope = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    return slope, float(y.mean() - mean @ slope)
