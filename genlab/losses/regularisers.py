"""Regularisers: terms added to a player's objective, each `(scene, **arguments)` -> values,
unreduced. A scene holds the networks, examples and randomness of one move.

A value of the whole batch is one number. Weights are applied by `losses.total`; the docstrings give
the paper's.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.config import ConfigError
from genlab.losses.penalties import EPS, Carried, Critic, Examples, scores
from genlab.runtime import collectives


class Scene(NamedTuple):
    """What a regulariser may use of one move."""

    critic: Critic
    features: Callable[[Examples], Float[Array, "b d"]]  # the critic's
    generator: Callable[[Float[Array, "b z"]], Examples]
    real: Examples
    fake: Examples  # generator(z)
    z: Float[Array, "b z"]
    params: dict  # parameters of the networks the player owns, by network
    key: PRNGKeyArray
    maps: Callable[[Examples], tuple[tuple[Array, ...], ...]]  # of the critic's layers, by scale


def latent_consistency_critic(scene: Scene, sigma: float = 0.05) -> Float[Array, " b"]:
    """(D(G(z)) - D(G(z + dz)))^2, dz ~ N(0, sigma^2 I): the critic's half of zCR (Zhao et al. 2020,
    arXiv:2002.04724).
    """
    return (scores(scene.critic, scene.fake) - scores(scene.critic, _nearby(scene, sigma))) ** 2


def latent_consistency_generator(scene: Scene, sigma: float = 0.05) -> Float[Array, " b"]:
    """-|G(z) - G(z + dz)|^2, dz ~ N(0, sigma^2 I): the generator's half of zCR, which keeps samples
    of nearby latents apart (Zhao et al. 2020, arXiv:2002.04724). A sum over pixels: divide a weight
    meant for their mean by their number.
    """
    return -_per_example((scene.fake - _nearby(scene, sigma)) ** 2).sum(axis=1)


def mode_seeking(scene: Scene) -> Float[Array, " b"]:
    """d(z, z') / d(G(z), G(z')), d the mean absolute difference and z' the latent of the batch's
    next example (Mao et al. 2019, arXiv:1903.05628); weight 1 there. Its inverse is what the paper
    maximises.
    """
    if len(scene.z) < 2:
        raise ConfigError(
            "mode_seeking compares a sample with the next: a batch (of each device) needs two"
        )
    z = jnp.roll(scene.z, 1, axis=0)
    apart = _per_example(jnp.abs(scene.fake - scene.generator(z))).mean(axis=1)
    return 1 / (apart / (jnp.abs(scene.z - z).mean(axis=1) + EPS) + 1e-5)  # their 1e-5


def _path_length(
    scene: Scene, a: Float[Array, ""] | float, *, decay: float = 0.01
) -> tuple[Float[Array, " b"], tuple[Float[Array, ""] | float]]:
    height_width = math.prod(scene.fake.shape[1:-1])
    y = random.normal(scene.key, scene.fake.shape) / math.sqrt(height_width)
    along = jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z)
    lengths = jnp.sqrt((along**2).sum(axis=1) + EPS)
    a = a + decay * (lax.stop_gradient(collectives.mean(lengths.mean())) - a)
    return (lengths - a) ** 2, (a,)


path_length = Carried((0.0,), _path_length)
"""(|J^T y| - a)^2 with the Jacobian J of G at z, y ~ N(0, I) over the root of the number of pixels
and a the moving average of |J^T y|, decay 0.01, this batch included (Karras et al. 2020,
arXiv:1912.04958, Eq. 4, there at the mapped latent w); weight 2 in the authors' code. Examples must
not mix: a generator with BatchNorm gives the lengths of the whole batch's sum.
"""


def squared_weights(scene: Scene) -> Float[Array, ""]:
    """|theta|^2 of all of the player's parameters: the L2 regulariser of RAE, of its decoder (Ghosh
    et al. 2020, arXiv:1903.12436).
    """
    leaves = jax.tree.leaves(scene.params)
    return sum(((leaf.astype(jnp.float32) ** 2).sum() for leaf in leaves), jnp.zeros(()))


def squared_jacobian(scene: Scene) -> Float[Array, " b"]:
    """|dG / dz|_F^2, estimated without bias by |J^T y|^2 with y ~ N(0, I): the gradient penalty of
    RAE, of its decoder at the codes (Ghosh et al. 2020, arXiv:1903.12436).
    """
    y = random.normal(scene.key, scene.fake.shape)
    across = jax.grad(lambda z: (scene.generator(z) * y).sum())(scene.z)
    return (across**2).sum(axis=1)


def orthogonal(scene: Scene) -> Float[Array, ""]:
    """|W^T W * (1 - I)|_F^2 summed over the player's kernels W, "inputs outputs" (Brock et al.
    2019, arXiv:1809.11096, Eq. 3); weight 1e-4 there.
    """
    total = jnp.float32(0)
    for path, kernel in jax.tree.leaves_with_path(scene.params):
        if path[-1].key == "kernel":
            w = kernel.reshape(-1, kernel.shape[-1])
            gram = w.T @ w
            total += (_off_diagonal(gram) ** 2).sum()
    return total


def feature_matching(scene: Scene) -> Float[Array, ""]:
    """|E f(x) - E f(G(z))|^2 with the critic's features f, E over the global batch (Salimans et al.
    2016, arXiv:1606.03498, Section 3.1).
    """
    real, fake = scene.features(scene.real), scene.features(scene.fake)
    return ((collectives.mean(real.mean(axis=0)) - collectives.mean(fake.mean(axis=0))) ** 2).sum()


def feature_matching_l1(scene: Scene) -> Float[Array, " b"]:
    """|f_k(x) - f_k(G)|, the mean over the numbers of each layer f_k of the critic, summed over its
    layers: of an example and of what was made of the same conditions. The mean over scales, of a
    critic that judges at several (Wang et al. 2018, arXiv:1711.11585, Section 3.2, have their sum;
    Park et al. 2019, arXiv:1903.07291, in their code the mean); weight 10 there.
    """
    scales = [
        sum(_per_example(jnp.abs(a - b)).mean(axis=1) for a, b in zip(real, fake, strict=True))
        for real, fake in zip(scene.maps(scene.real), scene.maps(scene.fake), strict=True)
    ]
    return sum(scales, jnp.zeros(())) / len(scales)  # pyright: ignore[reportReturnType]


def pulling_away(scene: Scene) -> Float[Array, " b"]:
    """The mean squared cosine of each sample's critic features with those of every other sample of
    the global batch: PT, whose mean over samples is the mean over pairs (Zhao et al. 2017,
    arXiv:1609.03126, Eq. 4); weight 0.1 there.
    """
    features = collectives.gather(scene.features(scene.fake))
    unit = features / jnp.sqrt((features**2).sum(axis=1, keepdims=True) + EPS)
    return (_off_diagonal(unit @ unit.T) ** 2).sum(axis=1) / (len(unit) - 1)


def _nearby(scene: Scene, sigma: float) -> Examples:
    """G(z + dz)."""
    return scene.generator(scene.z + sigma * random.normal(scene.key, scene.z.shape))


def _off_diagonal(square: Float[Array, "n n"]) -> Float[Array, "n n"]:
    return square * (1 - jnp.eye(len(square)))


def _per_example(x: Examples) -> Float[Array, "b d"]:
    return x.reshape(len(x), -1)
