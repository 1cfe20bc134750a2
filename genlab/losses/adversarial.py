"""Adversarial objectives: what the critic and the generator minimise, as functions of both logits.

Notation of the papers: D(x) a probability, here `sigmoid(logit)`; `real` and `fake` are the
critic's logits, or patch logits, on data and on samples; a higher logit is more like data, so an
energy is -logit. Losses are unreduced, and paired by index where an objective compares
a real example with a generated one; statistics of a batch are the global batch's, over patches too.
Every function is finite, value and gradient, for any logit in [-1e4, 1e4].

An objective with numbers to choose is a factory whose arguments all have defaults:
`spec(adversarial.energy, margin=5.0)`.
"""

import math
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from genlab import config
from genlab.losses.objective import Logits, Memory, Objective, OfLogit, Scalar
from genlab.runtime import collectives

_softplus = jax.nn.softplus  # softplus(-l) = -log sigmoid(l), softplus(l) = -log(1 - sigmoid(l))
_relu = jax.nn.relu
_LARGEST = 10.0  # the exponent beyond which _exp is a straight line


minimax = Objective(
    critic=lambda real, fake: _softplus(-real) + _softplus(fake),
    generator=lambda real, fake: -_softplus(-real) - _softplus(fake),
    labels=(lambda logit: _softplus(-logit), _softplus),
)
"""The zero-sum game: G minimises V = log D(x) + log(1 - D(G(z))) (Goodfellow et al. 2014,
arXiv:1406.2661, Eq. 1). The data's term moves G only where it foresees the critic (unrolled).
"""

nonsaturating = minimax._replace(generator=lambda real, fake: _softplus(-fake))
"""G maximises log D(G(z)) instead (Goodfellow et al. 2014, arXiv:1406.2661, Section 3)."""

least_squares = Objective(
    critic=lambda real, fake: 0.5 * ((real - 1) ** 2 + fake**2),
    generator=lambda real, fake: 0.5 * (fake - 1) ** 2,
    labels=(lambda logit: 0.5 * (logit - 1) ** 2, lambda logit: 0.5 * logit**2),
)
"""LSGAN with targets a=0, b=c=1, on logits (Mao et al. 2017, arXiv:1611.04076, Eq. 9)."""

wasserstein = Objective(
    critic=lambda real, fake: fake - real,
    generator=lambda real, fake: -fake,
)
"""The dual of W1 for a 1-Lipschitz critic (Arjovsky et al. 2017, arXiv:1701.07875, Eq. 2 and
Algorithm 1).
"""

hinge = Objective(
    critic=lambda real, fake: _relu(1 - real) + _relu(1 + fake),
    generator=lambda real, fake: -fake,
)
"""The hinge version (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, Eqs.
16-17).
"""

relativistic = Objective(
    critic=lambda real, fake: _softplus(fake - real),
    generator=lambda real, fake: _softplus(real - fake),
)
"""RpGAN: is this real example more like data than that generated one? Pairs by index
(Jolicoeur-Martineau 2019, arXiv:1807.00734; with r1 and r2 it is the loss of R3GAN, Huang et al.
2024, arXiv:2501.05441).
"""


def _without_offset(loss: Callable[[Logits, Logits], Logits]) -> Callable[[Logits, Logits], Logits]:
    """A loss that only differences of logits enter, taken of logits minus the one nearest 0, of the
    global batch: an offset that all of them share would cost digits of float32.
    """

    def shifted(real: Logits, fake: Logits) -> Logits:
        everyone = collectives.gather(jax.lax.stop_gradient(jnp.stack([real, fake])))
        offset = everyone.ravel()[jnp.abs(everyone).argmin()]
        return loss(real - offset, fake - offset)

    return shifted


def _relative_to_average(data: OfLogit, sample: OfLogit) -> Objective:
    """Each logit minus the mean logit of the other side; `data` and `sample` are the losses of the
    two labels, which the generator swaps.
    """

    @_without_offset
    def critic(real: Logits, fake: Logits) -> Logits:
        real_mean, fake_mean = collectives.mean((real.mean(), fake.mean()))
        return data(real - fake_mean) + sample(fake - real_mean)

    return Objective(critic, lambda real, fake: critic(fake, real))


relativistic_average = _relative_to_average(lambda logit: _softplus(-logit), _softplus)
"""RaSGAN: is an example more like data than the other side is on average? The cross-entropy version
(Jolicoeur-Martineau 2019, arXiv:1807.00734, Section 4).
"""

relativistic_average_least_squares = _relative_to_average(
    lambda logit: (logit - 1) ** 2, lambda logit: (logit + 1) ** 2
)
"""RaLSGAN, with targets 1 and -1 (Jolicoeur-Martineau 2019, arXiv:1807.00734, appendix)."""

relativistic_average_hinge = _relative_to_average(
    lambda logit: _relu(1 - logit), lambda logit: _relu(1 + logit)
)
"""RaHingeGAN (Jolicoeur-Martineau 2019, arXiv:1807.00734, appendix)."""


def _exp(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """e^x up to x = 10, and from there its tangent: finite in float32, with a bounded gradient."""
    return jnp.exp(jnp.minimum(x, _LARGEST)) * (1 + jnp.maximum(x - _LARGEST, 0))


def _variational(data: OfLogit, sample: OfLogit, generator: str) -> Objective:
    """The f-GAN whose critic minimises data(V(x)) + sample(V(G(z))) = -g_f(V) + f*(g_f(V))."""
    generators = {
        "practical": lambda real, fake: data(fake),
        "saddle": lambda real, fake: -data(real) - sample(fake),
    }
    if generator not in generators:
        raise config.ConfigError(
            f"an f-GAN's generator is {generator!r}; it is 'practical' (maximises g_f(V(G(z)))) or "
            "'saddle' (minimises g_f(V(x)) - f*(g_f(V(G(z)))))"
        )
    return Objective(lambda real, fake: data(real) + sample(fake), generators[generator])


def f_kl(generator: str = "practical") -> Objective:
    """f-GAN of KL(P || Q), P the data: g_f(v) = v, f*(t) = exp(t - 1) (Nowozin et al. 2016,
    arXiv:1606.00709, Tables 2 and 6).

    In all of the family the critic's value is minus its lower bound on the divergence. generator:
    "practical" maximises g_f(V(G(z))), which Section 3.2 advises for speed (the game's stationary
    points are the same, and confidently rejected samples still give a gradient); "saddle" minimises
    the bound itself, Section 2.3. f* is continued linearly beyond the logit 11.
    """
    return _variational(lambda v: -v, lambda v: _exp(v - 1), generator)


def f_reverse_kl(generator: str = "practical") -> Objective:
    """f-GAN of KL(Q || P): g_f(v) = -exp(-v), f*(t) = -1 - log(-t) (Nowozin et al. 2016,
    arXiv:1606.00709, Tables 2 and 6); generator as in `f_kl`.

    g_f is continued linearly below the logit -10, f*(g_f(v)) = v - 1 being linear itself.
    """
    return _variational(lambda v: _exp(-v), lambda v: v - 1, generator)


def f_pearson(generator: str = "practical") -> Objective:
    """f-GAN of Pearson's chi-square, E_Q[(p/q - 1)^2]: g_f(v) = v, f*(t) = t^2 / 4 + t (Nowozin et
    al. 2016, arXiv:1606.00709, Tables 2 and 6); generator as in `f_kl`.
    """
    return _variational(lambda v: -v, lambda v: v**2 / 4 + v, generator)


def f_squared_hellinger(generator: str = "practical") -> Objective:
    """f-GAN of the squared Hellinger distance, sum of (sqrt p - sqrt q)^2: g_f(v) = 1 - exp(-v),
    f*(t) = t / (1 - t) (Nowozin et al. 2016, arXiv:1606.00709, Tables 2 and 6); generator as in
    `f_kl`.

    f*(g_f(v)) = exp(v) - 1 is continued linearly beyond the logit 10, g_f below -10.
    """
    return _variational(lambda v: _exp(-v) - 1, lambda v: _exp(v) - 1, generator)


def f_jensen_shannon(generator: str = "practical") -> Objective:
    """f-GAN of twice the Jensen-Shannon divergence: g_f(v) = log 2 - log(1 + exp(-v)),
    f*(t) = -log(2 - exp(t)) (Nowozin et al. 2016, arXiv:1606.00709, Tables 2 and 6); generator as
    in `f_kl`. It is `nonsaturating` (or `minimax`) minus a constant.
    """
    log2 = math.log(2)
    return _variational(lambda v: _softplus(-v) - log2, lambda v: _softplus(v) - log2, generator)


def energy(margin: float = 10.0) -> Objective:
    """EBGAN: the critic lowers the energy (-logit) of data and raises that of samples up to the
    margin, the generator lowers it (Zhao et al. 2017, arXiv:1609.03126, Eqs. 1-2).
    """
    return Objective(
        critic=lambda real, fake: -real + _relu(margin + fake),
        generator=lambda real, fake: -fake,
    )


def boundary_equilibrium(gamma: float = 0.75, rate: float = 0.001) -> Objective:
    """BEGAN: L(x) - k L(G(z)) for the critic, L(G(z)) for the generator, L = -logit the error of
    the critic's autoencoder (Berthelot et al. 2017, arXiv:1703.10717, Section 3.4).

    The memory k holds E[L(G(z))] / E[L(x)] at gamma: k <- k + rate (gamma L(x) - L(G(z))), kept in
    [0, 1].
    """

    def remember(real: Logits, fake: Logits, k: Scalar) -> Memory:
        data, sample = collectives.mean((-real.mean(), -fake.mean()))
        return (jnp.clip(k + rate * (gamma * data - sample), 0, 1),)

    return Objective(
        critic=lambda real, fake, k: -real + k * fake,
        generator=lambda real, fake, k: -fake,
        start=(0.0,),
        remember=remember,
    )


multi_hinge = Objective(
    critic=lambda real, fake: _relu(1 - real[..., 0]) + _relu(1 - fake[..., 1]),
    generator=lambda real, fake: _relu(1 - fake[..., 0]),
    columns=2,
)
"""MHGAN: the hinge loss of a classifier into K classes and "generated" (Kavalerov et al. 2019,
arXiv:1912.04216).

The critic returns two margins per image, "b 2": the score of the given class minus the best of
the other K, and the score of "generated" minus the best class. The generator minimises the hinge
loss of the given class, as in the authors' released training, which weighs it by 0.05 and adds
feature matching.
"""


def auxiliary(base: str | Objective = "nonsaturating", weight: float = 1.0) -> Objective:
    """AC-GAN: `base` is the loss of the source (data or sample), and both players maximise weight x
    the log-likelihood of the label (Odena et al. 2017, arXiv:1610.09585, Section 3).

    The critic returns "b 2": the source's logit, and log p(label | image). Its loss counts the
    label of data and of samples, the generator's that of samples, which is all it can change. base:
    an objective's name, or an objective. The paper's generator maximises L_C - L_S, which is
    base="minimax".
    """
    return _with_scores("auxiliary", base, weight, columns=2, at=(1, 1, 1))


def conditional(base: str | Objective = "nonsaturating", weight: float = 1.0) -> Objective:
    """`base` is the loss of the source (data or sample), less weight x what the heads of
    `nets.heads.ConditionalDiscriminator` say: any of AC-GAN's and TAC-GAN's classifiers, ADC-GAN's,
    the contrasts of ContraGAN and ReACGAN, regression of numbers and InfoGAN's codes, summed.

    The critic returns "b 4": the source's logit; what the critic maximises on data, what on
    samples, and what the generator maximises (which is what Chen et al. 2016, arXiv:1606.03657,
    Eq. 6, Gong et al. 2019, arXiv:1907.02690, and Hou et al. 2022, arXiv:2107.10060, need it to be
    different from AC-GAN's one likelihood). base: an objective's name, or an objective.
    """
    return _with_scores("conditional", base, weight, columns=4, at=(1, 2, 3))


def _with_scores(
    name: str, base: str | Objective, weight: float, columns: int, at: tuple[int, int, int]
) -> Objective:
    """`base` on the first of the critic's numbers, less weight x those `at`: of data and of samples
    for the critic, of samples for the generator.
    """
    chosen = config.choose(sys.modules[__name__], base)
    game = chosen if isinstance(chosen, Objective) else chosen()
    data, sample, generated = at
    if game.columns:
        raise config.ConfigError(
            f"{name}(base={base!r}): the base plays on one logit, and this one takes "
            f"{game.columns} numbers for each image: use nonsaturating, hinge, minimax ..."
        )

    def critic(
        real: Float[Array, "b *patches n"], fake: Float[Array, "b *patches n"], *memory: Scalar
    ) -> Logits:
        score = real[..., data] + fake[..., sample]
        return game.critic(real[..., 0], fake[..., 0], *memory) - weight * score

    def generator(
        real: Float[Array, "b *patches n"], fake: Float[Array, "b *patches n"], *memory: Scalar
    ) -> Logits:
        own = game.generator(real[..., 0], fake[..., 0], *memory)
        return own - weight * fake[..., generated]

    def scored(loss: OfLogit, at: int) -> OfLogit:
        return lambda logit: loss(logit[..., 0]) - weight * logit[..., at]

    return Objective(
        critic,
        generator,
        labels=game.labels and (scored(game.labels[0], data), scored(game.labels[1], sample)),
        start=game.start,
        remember=lambda real, fake, *memory: game.remember(real[..., 0], fake[..., 0], *memory),
        columns=columns,
    )


def _log_sum(logits: Logits) -> Float[Array, ""]:
    """log sum exp over the global batch and all patches."""
    return jax.nn.logsumexp(collectives.gather(logits))


@_without_offset
def _contrast(real: Logits, fake: Logits) -> Logits:
    return _softplus(_log_sum(fake) - real) + _softplus(fake + _log_sum(-real))


dual_contrastive = Objective(critic=_contrast, generator=lambda real, fake: -_contrast(real, fake))
"""The critic contrasts one real example with all generated ones, and one generated with all real:
log(1 + sum_j exp(D(G(z_j)) - D(x))) + log(1 + sum_j exp(D(G(z)) - D(x_j))) (Yu et al. 2021,
arXiv:2103.16748, Section 3). The game is zero-sum: the generator minimises minus that.
"""


def _log_partition(real: Logits, fake: Logits) -> Float[Array, ""]:
    return jnp.logaddexp(_log_sum(real), _log_sum(fake))


softmax = Objective(
    critic=_without_offset(lambda real, fake: _log_partition(real, fake) - real),
    generator=_without_offset(lambda real, fake: _log_partition(real, fake) - (real + fake) / 2),
)
"""Softmax GAN: one distribution over the whole batch, logits as log-probabilities minus log Z.
The critic's target is uniform over the real half, 1/|B+|, the generator's over both, 1/|B|; the
losses are the cross-entropies (Lin 2017, arXiv:1704.06191).
"""
