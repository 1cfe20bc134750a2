"""Every objective's two losses in float64, written from the papers, with probabilities and loops.

`ORACLES[name]` is (critic, generator) of (real, fake, *memory) -> the mean loss, over arrays whose
examples (and patches) are flat: [N], or [N, 2] where the critic returns two numbers per example.
A further version of a factory is under "name, version".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Oracle(NamedTuple):
    """arguments: the factory's, None for a plain objective; memory: to call both with; columns:
    how many numbers the critic returns per example, 0 for a logit.
    """

    critic: Callable
    generator: Callable
    arguments: dict | None = None
    memory: tuple = ()
    columns: int = 0


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def cross_entropy(logit, label):
    return -label * np.log(sigmoid(logit)) - (1 - label) * np.log(1 - sigmoid(logit))


def pairs(loss):
    return lambda real, fake, *memory: np.mean(
        [loss(r, f, *memory) for r, f in zip(real, fake, strict=True)]
    )


def relative_to_average(data, sample):
    """E[data(C(x) - E C(G(z)))] + E[sample(C(G(z)) - E C(x))], and the two swapped."""

    def critic(real, fake):
        first = np.mean([data(r - fake.mean()) for r in real])
        return first + np.mean([sample(f - real.mean()) for f in fake])

    def generator(real, fake):
        first = np.mean([sample(r - fake.mean()) for r in real])
        return first + np.mean([data(f - real.mean()) for f in fake])

    return Oracle(critic, generator)


def variational(activation, conjugate):
    """(the practical game, the saddle) of Nowozin et al.'s g_f and f*."""

    def critic(real, fake):
        return -(activation(real).mean() - conjugate(activation(fake)).mean())

    return (
        Oracle(critic, lambda real, fake: -activation(fake).mean(), {}),
        Oracle(
            critic,
            lambda real, fake: activation(real).mean() - conjugate(activation(fake)).mean(),
            {"generator": "saddle"},
        ),
    )


F_GANS = {  # output activation g_f(v) and conjugate f*(t), Tables 6 and 2
    "f_kl": (lambda v: v, lambda t: np.exp(t - 1)),
    "f_reverse_kl": (lambda v: -np.exp(-v), lambda t: -1 - np.log(-t)),
    "f_pearson": (lambda v: v, lambda t: t**2 / 4 + t),
    "f_squared_hellinger": (lambda v: 1 - np.exp(-v), lambda t: t / (1 - t)),
    "f_jensen_shannon": (
        lambda v: np.log(2) - np.log(1 + np.exp(-v)),
        lambda t: -np.log(2 - np.exp(t)),
    ),
}


def contrasts(real, fake):
    """Yu et al.'s two values, which the critic maximises."""
    total = 0
    for r in real:
        total += np.log(np.exp(r) / (np.exp(r) + sum(np.exp(f) for f in fake))) / len(real)
    for f in fake:
        total += np.log(np.exp(-f) / (np.exp(-f) + sum(np.exp(-r) for r in real))) / len(fake)
    return total


def softmax(target_real, target_fake):
    """The cross-entropy of exp(logit) / Z over the batch with Lin's targets."""

    def loss(real, fake):
        z = np.exp(real).sum() + np.exp(fake).sum()
        loss = 0
        for r in real:
            loss -= target_real(len(real), len(fake)) * np.log(np.exp(r) / z)
        for f in fake:
            loss -= target_fake(len(real), len(fake)) * np.log(np.exp(f) / z)
        return loss

    return loss


def with_labels(base, weight):
    """Odena et al.'s L_S and L_C; the likelihood of real labels does not move a generator."""
    return Oracle(
        lambda real, fake, *memory: (
            base.critic(real[:, 0], fake[:, 0], *memory)
            - weight * (real[:, 1].mean() + fake[:, 1].mean())
        ),
        lambda real, fake, *memory: (
            base.generator(real[:, 0], fake[:, 0], *memory) - weight * fake[:, 1].mean()
        ),
        memory=base.memory,
        columns=2,
    )


def with_scores(base, weight):
    """Three scores beside the logit, one for each place where one is counted."""
    return Oracle(
        lambda real, fake, *memory: (
            base.critic(real[:, 0], fake[:, 0], *memory)
            - weight * (real[:, 1].mean() + fake[:, 2].mean())
        ),
        lambda real, fake, *memory: (
            base.generator(real[:, 0], fake[:, 0], *memory) - weight * fake[:, 3].mean()
        ),
        memory=base.memory,
        columns=4,
    )


def standard(real, fake):
    return cross_entropy(real, 1).mean() + cross_entropy(fake, 0).mean()


PLAIN = {
    "minimax": Oracle(
        standard,
        lambda real, fake: np.log(sigmoid(real)).mean() + np.log(1 - sigmoid(fake)).mean(),
    ),
    "nonsaturating": Oracle(standard, lambda real, fake: -np.log(sigmoid(fake)).mean()),
    "least_squares": Oracle(
        lambda real, fake: np.square(real - 1).mean() / 2 + np.square(fake).mean() / 2,
        lambda real, fake: np.square(fake - 1).mean() / 2,
    ),
    "wasserstein": Oracle(
        lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()
    ),
    "hinge": Oracle(
        lambda real, fake: -np.minimum(0, real - 1).mean() - np.minimum(0, -fake - 1).mean(),
        lambda real, fake: -fake.mean(),
    ),
    "relativistic": Oracle(
        pairs(lambda r, f: -np.log(sigmoid(r - f))), pairs(lambda r, f: -np.log(sigmoid(f - r)))
    ),
    "relativistic_average": relative_to_average(
        lambda d: cross_entropy(d, 1), lambda d: cross_entropy(d, 0)
    ),
    "relativistic_average_least_squares": relative_to_average(
        lambda d: (d - 1) ** 2, lambda d: (d + 1) ** 2
    ),
    "relativistic_average_hinge": relative_to_average(
        lambda d: max(0, 1 - d), lambda d: max(0, 1 + d)
    ),
    "multi_hinge": Oracle(
        lambda real, fake: np.mean(
            [max(0, 1 - r[0]) + max(0, 1 - f[1]) for r, f in zip(real, fake, strict=True)]
        ),
        lambda real, fake: np.mean([max(0, 1 - f[0]) for f in fake]),
        columns=2,
    ),
    "dual_contrastive": Oracle(lambda real, fake: -contrasts(real, fake), contrasts),
    "softmax": Oracle(
        softmax(lambda n, m: 1 / n, lambda n, m: 0),
        softmax(lambda n, m: 1 / (n + m), lambda n, m: 1 / (n + m)),
    ),
}

FACTORIES = {
    "energy": Oracle(
        lambda real, fake: (-real).mean() + np.maximum(0, 2.5 - (-fake)).mean(),
        lambda real, fake: (-fake).mean(),
        {"margin": 2.5},
    ),
    "boundary_equilibrium": Oracle(
        lambda real, fake, k: (-real).mean() - k * (-fake).mean(),
        lambda real, fake, k: (-fake).mean(),
        {"gamma": 0.5, "rate": 0.01},
        memory=(0.3,),
    ),
}
for name, (activation, conjugate) in F_GANS.items():
    FACTORIES[name], FACTORIES[f"{name}, saddle"] = variational(activation, conjugate)
FACTORIES["auxiliary"] = with_labels(PLAIN["nonsaturating"], 0.7)._replace(
    arguments={"weight": 0.7}
)
FACTORIES["auxiliary, minimax"] = with_labels(PLAIN["minimax"], 1)._replace(
    arguments={"base": "minimax"}
)
FACTORIES["auxiliary, with a memory"] = with_labels(
    FACTORIES["boundary_equilibrium"]._replace(memory=(0.0,)), 2
)._replace(arguments={"base": "boundary_equilibrium", "weight": 2})
FACTORIES["conditional"] = with_scores(PLAIN["nonsaturating"], 0.7)._replace(
    arguments={"weight": 0.7}
)
FACTORIES["conditional, hinge"] = with_scores(PLAIN["hinge"], 1)._replace(
    arguments={"base": "hinge"}
)

ORACLES = {**PLAIN, **FACTORIES}
