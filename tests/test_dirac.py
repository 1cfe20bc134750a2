"""The Dirac-GAN: the framework's players have the eigenvalues of Mescheder et al. 2018, and its
rounds follow the recurrences written out by hand.
"""

import numpy as np
import pytest

from experiments.dirac_gan.table import PAPER, eigenvalues, experiment, ordered, play

RATE = 0.2


@pytest.mark.parametrize("name", [name for name, row in PAPER.items() if row.eigenvalues])
def test_eigenvalues_are_the_papers(name):
    """R2's and R1's root has a floor of 1e-12 under it, hence not to the last digit."""
    found = eigenvalues(experiment(name))
    np.testing.assert_allclose(ordered(found), ordered(PAPER[name].eigenvalues), atol=2e-6)


def by_hand(gamma=0.0, at_once=True, saturating=True, moves=1):
    """The paper's recurrences with its critic, which is high for samples: psi there is -psi here.

    f'(t) = 1 / (1 + e^t); the generator descends on f(psi theta), the critic ascends.
    """
    slope = lambda t: 1 / (1 + np.exp(t))  # noqa: E731
    theta, psi = 1.0, 1.0
    for _ in range(200):
        start = psi
        for _ in range(moves):
            psi = psi + RATE * (theta * slope(psi * theta) - gamma * psi)
        seen = start if at_once else psi
        theta, psi = theta - RATE * seen * slope((1 if saturating else -1) * seen * theta), psi
    return theta, -psi


@pytest.mark.parametrize(
    ("variant", "schedule", "hand"),
    [
        ("gan", "", {}),
        ("ns-gan", "", {"saturating": False}),
        ("r1", "", {"gamma": 0.3}),
        ("gan", "alternating", {"at_once": False}),
        ("r1", "alternating-5", {"gamma": 0.3, "at_once": False, "moves": 5}),
    ],
)
def test_the_path_is_the_recurrence(variant, schedule, hand):
    path = play(experiment(variant, schedule), 200)
    np.testing.assert_allclose(path[-1], by_hand(**hand), rtol=1e-3, atol=1e-5)
