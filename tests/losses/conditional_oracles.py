"""The losses of conditional critics in float64, written from the papers with loops.

`ORACLES[name]` is (critic, generator): what a head adds to the two players' losses, of (real, fake,
value, params) -> the mean; real and fake are features [N, D], value the column's values [N, K]
(labels one-hot), params the head's own parameters. Both are minimised.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import norm


class Oracle(NamedTuple):
    """arguments: the head's."""

    critic: Callable
    generator: Callable
    arguments: dict


def linear(params, x):
    return x @ params["kernel"] + params["bias"]


def cross_entropy(logits, label):
    """-log of the probability that softmax gives the label."""
    return -np.log(np.exp(logits[label]) / sum(np.exp(logit) for logit in logits))


def mean_cross_entropy(logits, labels):
    return np.mean([cross_entropy(row, y) for row, y in zip(logits, labels, strict=True)])


def classified(features, value, params, name="label"):
    return mean_cross_entropy(linear(params[name], features), value.argmax(1))


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def two_c(features, value, params, t):
    """Eq. of 2C, its two sums as the paper writes them."""
    f, labels = linear(params["embed"], features), value.argmax(1)
    proxies = params["proxy"]["embedding"][labels]
    losses = []
    for i in range(len(f)):
        own = np.exp(cosine(f[i], proxies[i]) / t)
        others = [(j, np.exp(cosine(f[i], f[j]) / t)) for j in range(len(f)) if j != i]
        alike = own + sum(s for j, s in others if labels[j] == labels[i])
        losses.append(-np.log(alike / (own + sum(s for _, s in others))))
    return np.mean(losses)


def d2d_ce(features, value, params, t, m_p, m_n):
    """Its hinges [.]_- = min(., 0) and [.]_+ = max(., 0)."""
    f, labels = linear(params["embed"], features), value.argmax(1)
    proxies = params["proxy"]["embedding"][labels]
    losses = []
    for i in range(len(f)):
        own = np.exp(min(cosine(f[i], proxies[i]) - m_p, 0) / t)
        negatives = [j for j in range(len(f)) if labels[j] != labels[i]]
        rest = sum(np.exp(max(cosine(f[i], f[j]) - m_n, 0) / t) for j in negatives)
        losses.append(-np.log(own / (own + rest)))
    return np.mean(losses)


def gaussian(features, value, params, sigma):
    """-log of the density of independent normals."""
    m = linear(params["mean"], features)
    sigma = np.exp(linear(params["log_sigma"], features)) if sigma is None else sigma
    return -norm.logpdf(value, m, sigma).sum(1).mean()


def on_all(loss, **arguments):
    """AC-GAN: the critic counts it on data and samples, the generator on samples."""
    return Oracle(
        lambda real, fake, *given: loss(real, *given) + loss(fake, *given),
        lambda real, fake, *given: loss(fake, *given),
        arguments,
    )


def on_data(loss, **arguments):
    """ContraGAN, ReACGAN: the critic counts it on data."""
    return on_all(loss, **arguments)._replace(critic=lambda real, fake, *given: loss(real, *given))


def on_samples(loss, **arguments):
    """InfoGAN: min over G and Q of V - lambda L_I, where only samples have a code."""
    return on_all(loss, **arguments)._replace(critic=lambda real, fake, *given: loss(fake, *given))


def twin(real, fake, value, params):
    return classified(fake, value, params) - classified(fake, value, params, "twin")


def discriminative(features, value, params, of):
    """Of the 2K classes, k stands for (k, data) and K + k for (k, sample)."""
    label = value.argmax(1) + (0 if of == "data" else value.shape[1])
    return mean_cross_entropy(linear(params["label"], features), label)


ORACLES = {
    "Classifier": on_all(classified),
    "Classifier, of data": on_data(classified, on=("data",)),
    "Classifier, of a code": on_samples(classified, on=("samples",)),
    "Regression": on_all(lambda *given: gaussian(*given, 1.0)),
    "Regression, learned": on_samples(
        lambda *given: gaussian(*given, None), on=("samples",), sigma=None
    ),
    "Regression, narrow": on_data(lambda *given: gaussian(*given, 0.3), on=("data",), sigma=0.3),
    "TwinClassifier": Oracle(
        lambda real, fake, value, params: (
            classified(real, value, params) + classified(fake, value, params, "twin")
        ),
        twin,
        {},
    ),
    "DiscriminativeClassifier": Oracle(
        lambda real, fake, *given: (
            discriminative(real, *given, "data") + discriminative(fake, *given, "sample")
        ),
        lambda real, fake, *given: (
            discriminative(fake, *given, "data") - discriminative(fake, *given, "sample")
        ),
        {},
    ),
    "ClassContrast": on_data(lambda *given: two_c(*given, 0.7), features=4, temperature=0.7),
    "DataToData": on_data(
        lambda *given: d2d_ce(*given, 0.5, 0.6, 0.1),
        features=4,
        temperature=0.5,
        positive=0.6,
        negative=0.1,
    ),
}
