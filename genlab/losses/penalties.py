"""Penalties on the critic as a function of its input, each `(critic, real, fake, key, **arguments)`
-> " b", unreduced. Weights are applied by `losses.total`; the docstrings give the paper's.

`critic` maps images to logits or patch logits (their mean counts). A gradient is per example, so
the critic must treat examples independently: no BatchNorm. Compute them in float32: their own
derivative is second-order.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax, random
from jaxtyping import Float, PRNGKeyArray

from genlab.augment import image
from genlab.augment.image import Augmentation
from genlab.config import ConfigError
from genlab.runtime import collectives

EPS = 1e-12  # under the root, for a finite gradient where the norm is zero
FLIP_AND_TRANSLATE = (image.flip(), image.translate(1 / 8))

Examples = Float[Array, "b *shape"]  # images, "b h w c", or points, "b d"
Logits = Float[Array, "b *patches"]
Critic = Callable[[Examples], Logits]


class Carried(NamedTuple):
    """A penalty or a regulariser with a memory. start: the memory before the first round, a pytree
    of numbers; fn: (its usual arguments, *memory, **arguments) -> (values, memory).
    """

    start: tuple
    fn: Callable


def scores(critic: Critic, x: Examples) -> Float[Array, " b"]:
    """One logit per example: the mean of its patches' logits."""
    logits = critic(x)
    return logits.reshape(len(logits), -1).mean(axis=1)


def squared_norms(critic: Critic, x: Examples) -> Float[Array, " b"]:
    """|grad_x critic(x)|^2 per example, over all of an example's dimensions."""
    gradients = jax.grad(lambda x: scores(critic, x).sum())(x)
    return (gradients.reshape(len(x), -1) ** 2).sum(axis=1)


def interpolates(real: Examples, fake: Examples, key: PRNGKeyArray) -> Examples:
    """x + a (G(z) - x) with one a ~ U[0, 1] per example (Gulrajani et al. 2017, arXiv:1704.00028,
    Algorithm 1).
    """
    a = random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    return real + a * (fake - real)


def augmented(x: Examples, key: PRNGKeyArray, augment: tuple[Augmentation, ...]) -> Examples:
    """T(x): the augmentations in order, each with its own key for each image."""
    if x.ndim != 4 and augment is FLIP_AND_TRANSLATE:
        raise ConfigError(
            f"examples of shape {x.shape[1:]} are no images to flip and shift: give the "
            "consistency penalty an `augment` of its own"
        )
    for number, change in enumerate(augment):
        x = jax.vmap(change)(x, random.split(random.fold_in(key, number), len(x)))
    return x


def gradient_penalty(
    critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray, target: float = 1.0
) -> Float[Array, " b"]:
    """(|grad D(x^)| - target)^2 on interpolates (Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3);
    weight 10 there.
    """
    norm = jnp.sqrt(squared_norms(critic, interpolates(real, fake, key)) + EPS)
    return (norm - target) ** 2


def one_sided_gradient_penalty(
    critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray, target: float = 1.0
) -> Float[Array, " b"]:
    """max(0, |grad D(x^)| - target)^2 on interpolates: WGAN-LP (Petzka et al. 2018,
    arXiv:1709.08894).
    """
    norm = jnp.sqrt(squared_norms(critic, interpolates(real, fake, key)) + EPS)
    return jax.nn.relu(norm - target) ** 2


def zero_centred(
    critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray
) -> Float[Array, " b"]:
    """|grad D(x^)|^2 on interpolates: 0-GP (Thanh-Tung et al. 2019, arXiv:1902.03984); weight 10 is
    the default of the authors' code. Here D is the logit.
    """
    return squared_norms(critic, interpolates(real, fake, key))


def wasserstein_divergence(
    critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray, p: float = 6.0
) -> Float[Array, " b"]:
    """|grad D(x^)|^p on interpolates, for the wasserstein objective: WGAN-div (Wu et al. 2018,
    arXiv:1712.01026); weight k = 2 with p = 6 there.
    """
    return (squared_norms(critic, interpolates(real, fake, key)) + EPS) ** (p / 2)


def max_gradient_penalty(
    critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray
) -> Float[Array, " b"]:
    """max |grad D(x^)|^2 over the global batch's interpolates, the same value for every example:
    LGAN (Zhou et al. 2019, arXiv:1902.05687).
    """
    squares = collectives.gather(squared_norms(critic, interpolates(real, fake, key)))
    return jnp.broadcast_to(squares.max(), (len(real),))


def dragan(
    critic: Critic,
    real: Examples,
    fake: Examples,
    key: PRNGKeyArray,
    c: float = 10 * (2 / 255) ** 2,
    k: float = 1.0,
) -> Float[Array, " b"]:
    """(|grad D(x + d)| - k)^2 around data with d ~ N(0, c I), so c is a variance: DRAGAN (Kodali et
    al. 2017, arXiv:1705.07215v5, Eq. 1); weight 10, k = 1 and c = 10 there.

    The default c is that 10 in squared 8-bit levels, for images in [-1, 1], which is our
    interpretation. The authors' first code, which others follow, adds a std(batch) u / 2 with u ~
    U[0, 1] per pixel: some ten times more.
    """
    noisy = real + jnp.sqrt(c) * random.normal(key, real.shape)
    return (jnp.sqrt(squared_norms(critic, noisy) + EPS) - k) ** 2


def r1(critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray) -> Float[Array, " b"]:
    """|grad D(x)|^2 / 2 on data: weight gamma gives the gamma/2 of Mescheder et al. 2018,
    arXiv:1801.04406, Eq. 9.
    """
    return squared_norms(critic, real) / 2


def r2(critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray) -> Float[Array, " b"]:
    """|grad D(G(z))|^2 / 2 on samples: weight gamma gives the gamma/2 of Mescheder et al. 2018,
    arXiv:1801.04406.
    """
    return squared_norms(critic, fake) / 2


def drift(critic: Critic, real: Examples, fake: Examples, key: PRNGKeyArray) -> Float[Array, " b"]:
    """D(x)^2 on data, which keeps a Wasserstein critic near zero (Karras et al. 2018,
    arXiv:1710.10196, Appendix A.1); weight 0.001 there.
    """
    return scores(critic, real) ** 2


def consistency(
    critic: Critic,
    real: Examples,
    fake: Examples,
    key: PRNGKeyArray,
    augment: tuple[Augmentation, ...] = FLIP_AND_TRANSLATE,
) -> Float[Array, " b"]:
    """(D(x) - D(T(x)))^2 on data: CR-GAN (Zhang et al. 2020, arXiv:1910.12027); weight 10 there, T
    a flip and a shift.
    """
    return _inconsistency(critic, real, key, augment)


def balanced_consistency(
    critic: Critic,
    real: Examples,
    fake: Examples,
    key: PRNGKeyArray,
    samples: float = 1.0,
    augment: tuple[Augmentation, ...] = FLIP_AND_TRANSLATE,
) -> Float[Array, " b"]:
    """(D(x) - D(T(x)))^2 + samples (D(G(z)) - D(T(G(z))))^2: bCR (Zhao et al. 2020,
    arXiv:2002.04724); weight lambda_real and samples = lambda_fake / lambda_real.
    """
    data = _inconsistency(critic, real, random.fold_in(key, 0), augment)
    generated = _inconsistency(critic, fake, random.fold_in(key, 1), augment)
    return data + samples * generated


def _inconsistency(
    critic: Critic, x: Examples, key: PRNGKeyArray, augment: tuple[Augmentation, ...]
) -> Float[Array, " b"]:
    return (scores(critic, x) - scores(critic, augmented(x, key, augment))) ** 2


def _towards_anchors(
    distance: Callable[[Float[Array, " b"]], Float[Array, " b"]],
) -> Carried:
    """distance(D(x) - a_F) + distance(a_R - D(G(z))), a_R and a_F the moving averages of D(x) and
    D(G(z)), this batch included. Memory: both sums and their mass, so that averages start unbiased.
    """

    def fn(
        critic: Critic,
        real: Examples,
        fake: Examples,
        key: PRNGKeyArray,
        on_real: Float[Array, ""] | float,
        on_fake: Float[Array, ""] | float,
        mass: Float[Array, ""] | float,
        *,
        decay: float = 0.99,
    ) -> tuple[Float[Array, " b"], tuple[Float[Array, ""], ...]]:
        on_data, on_samples = scores(critic, real), scores(critic, fake)
        now = lax.stop_gradient(
            collectives.mean(jnp.stack([on_data.mean(), on_samples.mean(), 1.0]))
        )
        memory = decay * jnp.stack([on_real, on_fake, mass]) + (1 - decay) * now
        a_real, a_fake = memory[0] / memory[2], memory[1] / memory[2]
        return distance(on_data - a_fake) + distance(a_real - on_samples), tuple(memory)

    return Carried((0.0, 0.0, 0.0), fn)


lecam = _towards_anchors(jnp.square)
"""(D(x) - a_F)^2 + (D(G(z)) - a_R)^2 with the moving averages a_R of D(x) and a_F of D(G(z)), decay
0.99 (Tseng et al. 2021, arXiv:2104.03310, Eq. 4); the authors' weights: 0.3 for BigGAN on CIFAR,
3e-7 for StyleGAN2 on FFHQ. They take the average before the penalty, as here.
"""

one_sided_lecam = _towards_anchors(lambda x: jax.nn.relu(x) ** 2)
"""max(0, D(x) - a_F)^2 + max(0, a_R - D(G(z)))^2: `lecam` as in the authors' code and those
based on it: zero where the critic ranks samples above data, as it may early in training.
"""
