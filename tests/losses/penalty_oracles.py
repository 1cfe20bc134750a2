"""Every penalty and regulariser again, in float64 NumPy, from the papers' equations.

The critic is x M x / 2 + b.x on the flattened image (M symmetric, gradient M x + b), the generator
z A, the critic's features x F: what they need of a derivative is written down, not computed.
"""

import inspect
from types import ModuleType
from typing import NamedTuple

import numpy as np

from genlab.losses.penalties import Carried

SHAPE = (2, 4, 2)  # of an image; height x width, pixels x channels and the batch all differ
B, D, Z, F = 6, 16, 5, 3


class Theta(NamedTuple):
    """Parameters of critic, generator and features."""

    m: np.ndarray  # [D, D], symmetric
    b: np.ndarray  # [D]
    a: np.ndarray  # [Z, D]
    f: np.ndarray  # [D, F]


class Draw(NamedTuple):
    """A batch and the random numbers that the code draws for it."""

    real: np.ndarray  # [B, D]
    fake: np.ndarray  # [B, D]
    z: np.ndarray  # [B, Z]
    a: np.ndarray  # [B, 1], U[0, 1]
    noise: np.ndarray  # [B, D], N(0, I)
    dz: np.ndarray  # [B, Z], N(0, I)


def public(module: ModuleType, *first: str) -> list[str]:
    """Names in a module of functions with these first arguments, and of everything with a memory.

    A memory's function is held to the same first arguments.
    """
    names = []
    for name, thing in vars(module).items():
        fn = thing.fn if isinstance(thing, Carried) else thing
        if name.startswith("_") or not inspect.isfunction(fn):
            continue
        if tuple(inspect.signature(fn).parameters)[: len(first)] == first:
            names.append(name)
        else:
            assert not isinstance(thing, Carried), f"{name} takes other arguments than {first}"
    return names


def parameters(rng: np.random.Generator) -> Theta:
    """Random parameters, or a random direction in their space."""
    m = rng.normal(size=(D, D))
    shapes = (D,), (Z, D), (D, F)
    return Theta(0.1 * (m + m.T), *(0.3 * rng.normal(size=shape) for shape in shapes))


def critic(theta, x):
    """Logits [B]."""
    return np.array([0.5 * row @ theta.m @ row + theta.b @ row for row in x])


def slopes(theta, x):
    """Norm of the critic's gradient at each row."""
    return np.array([np.linalg.norm(theta.m @ row + theta.b) for row in x])


def between(draw):
    """The interpolates."""
    return (1 - draw.a) * draw.real + draw.a * draw.fake


def mirrored_then_rolled(x):
    """The deterministic T of the tests: left and right exchanged, then one pixel to the right."""
    images = x.reshape(-1, *SHAPE)[:, :, ::-1]
    return np.concatenate([images[:, :, -1:], images[:, :, :-1]], axis=2).reshape(len(x), -1)


def inconsistency(theta, x):
    """(D(x) - D(T(x)))^2."""
    return (critic(theta, x) - critic(theta, mirrored_then_rolled(x))) ** 2


def around(theta, draw, c, k=1.0):
    """DRAGAN."""
    return (slopes(theta, draw.real + np.sqrt(c) * draw.noise) - k) ** 2


def anchored(distance):
    """LeCam; the averages belong to the parameters `at`, which a derivative leaves alone."""

    def oracle(theta, draw, at, memory, decay=0.99):
        real, fake, mass = memory
        real = decay * real + (1 - decay) * critic(at, draw.real).mean()
        fake = decay * fake + (1 - decay) * critic(at, draw.fake).mean()
        mass = decay * mass + (1 - decay)
        values = distance(critic(theta, draw.real) - fake / mass) + distance(
            real / mass - critic(theta, draw.fake)
        )
        return values, (real, fake, mass)

    return oracle


PENALTIES = {
    "gradient_penalty": lambda theta, draw, target=1: (slopes(theta, between(draw)) - target) ** 2,
    "one_sided_gradient_penalty": lambda theta, draw, target=1: (
        np.maximum(0, slopes(theta, between(draw)) - target) ** 2
    ),
    "zero_centred": lambda theta, draw: slopes(theta, between(draw)) ** 2,
    "wasserstein_divergence": lambda theta, draw, p=6: slopes(theta, between(draw)) ** p,
    "max_gradient_penalty": lambda theta, draw: np.full(
        B, max(slope**2 for slope in slopes(theta, between(draw)))
    ),
    "dragan": lambda theta, draw, c=40 / 255**2, k=1: around(theta, draw, c, k),
    "r1": lambda theta, draw: slopes(theta, draw.real) ** 2 / 2,
    "r2": lambda theta, draw: slopes(theta, draw.fake) ** 2 / 2,
    "drift": lambda theta, draw: critic(theta, draw.real) ** 2,
    "consistency": lambda theta, draw, augment: inconsistency(theta, draw.real),
    "balanced_consistency": lambda theta, draw, augment, samples=1: (
        inconsistency(theta, draw.real) + samples * inconsistency(theta, draw.fake)
    ),
    "lecam": anchored(lambda x: x**2),
    "one_sided_lecam": anchored(lambda x: np.where(x > 0, x, 0) ** 2),
}


def path_length(theta, draw, at, memory, decay=0.01):
    """The average belongs to the parameters `at`, as in LeCam."""

    def lengths(theta):  # J = A^T: the image of z is A^T z
        y = draw.noise / np.sqrt(SHAPE[0] * SHAPE[1])
        return np.array([np.linalg.norm(theta.a @ row) for row in y])

    a = (1 - decay) * memory[0] + decay * lengths(at).mean()
    return (lengths(theta) - a) ** 2, (a,)


def orthogonal(theta, draw):
    """Inner products of all pairs of different columns, squared, over three kernels."""
    return sum(
        (w[:, i] @ w[:, j]) ** 2
        for w in (theta.m, theta.a, theta.f)
        for i in range(w.shape[1])
        for j in range(w.shape[1])
        if i != j
    )


def pulling_away(theta, draw):
    """Row i: the mean over j != i of the squared cosine."""
    f = draw.z @ theta.a @ theta.f
    norms = [np.linalg.norm(row) for row in f]
    squares = [
        [(f[i] @ f[j] / norms[i] / norms[j]) ** 2 for j in range(B) if j != i] for i in range(B)
    ]
    return np.mean(squares, axis=1)


def matched_layers(theta, draw):
    """Two scales, the first of two layers."""
    apart = draw.real - draw.z @ theta.a
    first = np.abs(apart @ theta.f).mean(1) + np.abs(apart @ theta.m).mean(1)
    return (first + np.abs(apart[:, :8] @ theta.f[:8]).mean(1)) / 2


def mode_seeking(theta, draw):
    """Pairs of each latent and the one before it in the batch."""
    pairs = [(draw.z[i], draw.z[i - 1]) for i in range(B)]
    far = [np.abs((z - w) @ theta.a).mean() / np.abs(z - w).mean() for z, w in pairs]
    return 1 / (np.array(far) + 1e-5)


REGULARISERS = {
    "latent_consistency_critic": lambda theta, draw, sigma=0.05: (
        (critic(theta, draw.z @ theta.a) - critic(theta, (draw.z + sigma * draw.dz) @ theta.a)) ** 2
    ),
    "latent_consistency_generator": lambda theta, draw, sigma=0.05: (
        -((sigma * draw.dz @ theta.a) ** 2).sum(1)
    ),
    "mode_seeking": mode_seeking,
    "path_length": path_length,
    "squared_weights": lambda theta, draw: sum(
        (w**2).sum() for w in (theta.m, theta.b, theta.a, 9 * theta.a, theta.f)
    ),
    "squared_jacobian": lambda theta, draw: np.array(
        [np.linalg.norm(theta.a @ row) ** 2 for row in draw.noise]
    ),
    "orthogonal": orthogonal,
    "feature_matching": lambda theta, draw: (
        np.linalg.norm((draw.real.mean(0) - draw.z.mean(0) @ theta.a) @ theta.f) ** 2
    ),
    "feature_matching_l1": matched_layers,
    "pulling_away": pulling_away,
}
