"""Heads of a `ConditionalDiscriminator`: what a critic's features say of one column.

A head is called `(features, value, known)` with the column's values, labels one-hot, and whether
each example has one, and gives three scores of each example, "b 3", which the objective
`losses.adversarial.conditional` has maximised: by the critic on data, by the critic on samples, and
by the generator on its samples. `column` is a label or numbers among the columns given, or a code
of the latent; `weight` multiplies the scores. `on` says where the critic counts a head: ("data",
"samples") as AC-GAN, ("data",) as those after it, ("samples",) where only samples have the
column's value, as codes of InfoGAN.
"""

import math
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from genlab.config import ConfigError, choices
from genlab.nets.heads.contrast import class_contrast, data_to_data
from genlab.nets.layers.embedding import Embedding

Features = Float[Array, "b d"]
Known = Bool[Array, " b"]
Scores = Float[Array, "b 3"]
PLACES = ("data", "samples")


class Classifier(nn.Module):
    """log p(label | x) for all: the auxiliary classifier of AC-GAN (Odena et al. 2017,
    arXiv:1610.09585, Section 3); of a code, with on=("samples",), the lower bound of its mutual
    information with the sample (Chen et al. 2016, arXiv:1606.03657, Eqs. 4-5), less its entropy.
    """

    column: str = "label"
    weight: float = 1.0
    on: tuple[str, ...] = PLACES
    labels: ClassVar[bool] = True

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        log_p = jax.nn.log_softmax(nn.Dense(value.shape[-1], name="label")(features))
        return _scores(self, (log_p * value).sum(-1))


class Regression(nn.Module):
    """log N(value; m(x), sigma^2), sigma fixed, or, for None, a function of x too: the counterpart
    of `Classifier` for numbers. Of a continuous code it is InfoGAN's bound (Chen et al. 2016,
    arXiv:1606.03657, Section 6: a factored Gaussian); of numbers that data have, the same bound
    of their mutual information with the picture. With sigma = 1 it is half the squared error and a
    constant.
    """

    column: str
    weight: float = 1.0
    on: tuple[str, ...] = PLACES
    sigma: float | None = 1.0
    labels: ClassVar[bool] = False

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        mean = nn.Dense(value.shape[-1], name="mean")(features)
        if self.sigma is None:
            log_sigma = nn.Dense(value.shape[-1], name="log_sigma")(features)
        else:
            log_sigma = jnp.full_like(mean, jnp.log(self.sigma))
        apart = (value - mean) * jnp.exp(-log_sigma)
        log_p = -(jnp.square(apart) / 2 + log_sigma + math.log(2 * math.pi) / 2).sum(-1)
        return _scores(self, log_p)


class TwinClassifier(nn.Module):
    """TAC-GAN's two classifiers (Gong et al. 2019, arXiv:1907.02690): one learns the labels of
    data, its twin those of samples; the generator maximises the first's log-probability less the
    twin's, which would be largest where its classes do not overlap.
    """

    column: str = "label"
    weight: float = 1.0
    labels: ClassVar[bool] = True

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        of_data, of_samples = (
            (jax.nn.log_softmax(nn.Dense(value.shape[-1], name=name)(features)) * value).sum(-1)
            for name in ("label", "twin")
        )
        return jnp.stack([of_data, of_samples, of_data - of_samples], axis=-1)


class DiscriminativeClassifier(nn.Module):
    """ADC-GAN's classifier into twice the classes, each of data and of samples (Hou et al. 2022,
    arXiv:2107.10060): the critic maximises the log-probability of (label, data) on data and of
    (label, sample) on samples, the generator the first less the second on samples.
    """

    column: str = "label"
    weight: float = 1.0
    labels: ClassVar[bool] = True

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        log_p = jax.nn.log_softmax(nn.Dense(2 * value.shape[-1], name="label")(features))
        data, sample = (
            (half * value).sum(-1) for half in jnp.split(log_p, 2, axis=-1)
        )  # of (label, data), of (label, sample)
        return jnp.stack([data, sample, data - sample], axis=-1)


class ClassContrast(nn.Module):
    """ContraGAN's conditional contrastive loss 2C: `contrast.class_contrast`, of `features` linear
    ones and an embedding of the label.
    """

    column: str = "label"
    weight: float = 1.0
    on: tuple[str, ...] = ("data",)
    features: int = 128
    temperature: float = 1.0
    labels: ClassVar[bool] = True

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        taken = _embedded(self, features, value)
        return _scores(self, class_contrast(*taken, value.argmax(-1), known, self.temperature))


class DataToData(nn.Module):
    """ReACGAN's data-to-data cross-entropy D2D-CE: `contrast.data_to_data`, of `features` linear
    ones and an embedding of the label. `positive` and `negative` are the margins m_p and m_n; in
    the authors' configs of CIFAR-10 the weight is 0.5.
    """

    column: str = "label"
    weight: float = 1.0
    on: tuple[str, ...] = ("data",)
    features: int = 128
    temperature: float = 0.5
    positive: float = 0.98
    negative: float = 0.02
    labels: ClassVar[bool] = True

    @nn.compact
    def __call__(self, features: Features, value: Float[Array, "b k"], known: Known) -> Scores:
        """The three scores."""
        taken, margins = _embedded(self, features, value), (self.positive, self.negative)
        score = data_to_data(*taken, value.argmax(-1), known, self.temperature, *margins)
        return _scores(self, score)


def _embedded(
    head: ClassContrast | DataToData, features: Features, value: Float[Array, "b k"]
) -> tuple[Features, Features]:
    linear = nn.Dense(head.features, name="embed")
    return linear(features), Embedding(head.features, name="proxy")(value)


def _scores(head: nn.Module, score: Float[Array, " b"]) -> Scores:
    """One score for all, where the critic counts it."""
    where = head.on  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(where, str) or set(where) - set(PLACES) or not where:
        hint = choices(str(where), PLACES)
        raise ConfigError(
            f"{type(head).__name__}(on={where!r}): name the examples on which the critic counts "
            f"it, as on=('data', 'samples'){hint}"
        )
    counted = jnp.array([place in where for place in PLACES] + [True])
    return jnp.where(counted[None], score[:, None], 0.0)
