"""Scores of disentanglement with known answers: codes that are perfect, permuted, rotated, random,
or twice there.
"""

import numpy as np
import pytest

from genlab.metrics import agreement, interventions, predicted
from genlab.metrics.disentanglement import binned, modularity, mutual_information_gap

RNG = np.random.default_rng(0)
GRID = np.stack(np.meshgrid(np.arange(8), np.arange(8), np.arange(6)), axis=-1).reshape(-1, 3)
FACTORS = np.tile(GRID, (3, 1))
CODES = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
PERMUTED = -CODES[:, [2, 0, 1]]
ROTATION = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
CASES = {
    "perfect": CODES,
    "permuted": PERMUTED,
    "rotated": CODES @ ROTATION,
    "random": RNG.normal(size=CODES.shape),
    "doubled": np.concatenate([CODES, CODES], axis=1),
}
NUMBERS = np.zeros(3, bool)


def information(codes):
    return mutual_information_gap(np.stack([binned(c) for c in codes.T], 1), FACTORS)


SCORES = {
    "mig": lambda c: information(c).mig,
    "modularity": lambda c: modularity(information(c).information),
    "sap": lambda c: predicted.sap(c, FACTORS, NUMBERS),
    "disentanglement": lambda c: predicted.dci(c, FACTORS, NUMBERS, trees=8).disentanglement,
    "completeness": lambda c: predicted.dci(c, FACTORS, NUMBERS, trees=8).completeness,
    "factor_vae": lambda c: interventions.factor_vae_score(c, FACTORS, votes=150, rows=16),
    "beta_vae": lambda c: interventions.beta_vae_score(c, FACTORS, votes=150, pairs=16),
    "irs": lambda c: interventions.interventional_robustness(c, FACTORS),
}
# (perfect and permuted at least, rotated at most, random at most, doubled between)
BOUNDS = {
    "mig": (0.999, 0.5, 0.1, (0, 1e-9)),
    "modularity": (0.999, 0.95, 0.95, (0.999, 1)),
    "sap": (0.999, 0.7, 0.1, (0, 1e-9)),
    "disentanglement": (0.95, 0.6, 0.2, (0.95, 1)),
    "completeness": (0.95, 0.6, 0.2, (0.4, 0.8)),
    "factor_vae": (0.999, 0.97, 0.6, (0.999, 1)),
    "beta_vae": (0.99, 1.0, 0.6, (0.99, 1)),  # linear: a rotation does not spoil it
    "irs": (0.999, 0.6, 0.5, (0.999, 1)),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores_of_codes_that_are_known(name):
    found = {case: SCORES[name](codes) for case, codes in CASES.items()}
    perfect, rotated, random, (low, high) = BOUNDS[name]
    assert min(found["perfect"], found["permuted"]) >= perfect, found
    assert found["rotated"] <= rotated and found["random"] <= random, found
    assert low <= found["doubled"] <= high + 1e-9, found


def test_dci_of_matrices_that_are_known():
    """Those of disentanglement_lib's tests."""
    every = np.eye(10)
    found = predicted.dci_of(every)
    np.testing.assert_allclose((found.disentanglement, found.completeness), 1)
    twice = predicted.dci_of(np.concatenate([every, every]))
    share = 1 - np.log(2) / np.log(20)
    np.testing.assert_allclose((twice.disentanglement, twice.completeness), (1, share))
    two = predicted.dci_of(np.concatenate([every, every], axis=1))
    np.testing.assert_allclose((two.disentanglement, two.completeness), (share, 1))
    nothing = predicted.dci_of(np.zeros((3, 4)))
    assert (nothing.disentanglement, nothing.completeness) == (0, 0)
    uneven = predicted.dci_of(np.array([[3.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(uneven.disentanglement, 0.6)  # rows weigh 3 and 2


def test_informativeness_and_classes():
    found = predicted.dci(CODES, FACTORS, ~NUMBERS, trees=8)
    assert found.informativeness > 0.9 and found.disentanglement > 0.9
    nothing = predicted.dci(CASES["random"], FACTORS, NUMBERS, trees=8)
    assert nothing.informativeness < 0.05
    halves = (FACTORS > FACTORS.mean(0)).astype(int)
    assert predicted.sap(CODES, halves, ~NUMBERS) > 0.4  # 1 against the 0.5 of chance
    names = np.arange(48)[:, None]  # a class a row: nothing can be known, nothing is warned of
    assert predicted.dci(1.0 * names, names, np.ones(1, bool), trees=1).informativeness == 0
    assert predicted.sap(CODES[:48], np.repeat(names, 3, 1), ~NUMBERS) == 0


def test_modularity_by_hand():
    information = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(modularity(information), ((1 - 1 / (4 * 2)) + 0) / 2)
    with pytest.raises(ValueError, match="2 factors"):
        modularity(np.ones((2, 1)))


def test_interventional_robustness_by_hand():
    """A code that is 2 a + b while a and b are 0 or 1: fixing a leaves 1 / 2 of 3 / 2. One that is
    10 b, which fixing b leaves nothing of, weighs 5 beside its 3 / 2.
    """
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    found = interventions.interventional_robustness(
        (2.0 * a + b)[:, None], np.stack([a, b], 1), 1.0
    )
    np.testing.assert_allclose(found, 1 - 0.5 / 1.5)
    both = np.stack([2.0 * a + b, 10.0 * b], 1)
    found = interventions.interventional_robustness(both, np.stack([a, b], 1), 1.0)
    np.testing.assert_allclose(found, (1.5 * (1 - 0.5 / 1.5) + 5 * 1) / 6.5)
    assert interventions.interventional_robustness(np.zeros((4, 2)), np.stack([a, b], 1)) == 0
    assert interventions.factor_vae_score(np.zeros((4, 2)), np.stack([a, b], 1)) == 0


def test_models_with_the_same_codes_agree():
    kls = np.array([2.0, 1.0, 3.0])
    np.testing.assert_allclose(
        agreement.pairwise_agreement(CODES, PERMUTED, kls, kls), 1, atol=1e-6
    )
    unlike = agreement.pairwise_agreement(CODES, CASES["rotated"], kls, kls)
    assert unlike < 0.8
    wide = np.concatenate([CODES, RNG.normal(size=(len(CODES), 2))], axis=1)
    found = agreement.udr([CODES, PERMUTED, CASES["random"]], [kls] * 3)
    assert found[0] > found[2] and found[1] > found[2]
    unused = np.array([2.0, 1.0, 3.0, 0.0, 0.0])
    assert agreement.pairwise_agreement(CODES, wide, kls, unused) > 0.8
    assert agreement.pairwise_agreement(CODES, wide, 0 * kls, 0 * unused) == 0
    with pytest.raises(ValueError, match="two or more"):
        agreement.udr([CODES], [kls])
