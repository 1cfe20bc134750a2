"""BLEU and self-BLEU: the paper's examples, identities, and sacrebleu's and nltk's numbers."""

import numpy as np
import pytest
from metrics.golden import text as golden
from metrics.golden.case import compare

from genlab.metrics.text import bleu, self_bleu


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_counts_are_clipped_as_in_the_papers_first_example():
    """Papineni et al. 2002, Section 2.1: "the" seven times has a unigram precision of 2/7."""
    references = ["the cat is on the mat".split(), "there is a cat on the mat".split()]
    assert bleu([["the"] * 7], [references], order=1) == pytest.approx(2 / 7, rel=1e-12)
    assert bleu([["the"] * 7], [references]) == 0


def test_equal_sequences_score_1_and_disjoint_ones_0():
    x = [[1, 2, 3, 4, 5], [6, 7, 8, 9]]
    assert bleu(x, [[a] for a in x]) == pytest.approx(1, rel=1e-12)
    assert bleu(x, [[[0] * 5], [[0] * 4]]) == 0


def test_brevity_is_punished_over_the_corpus_and_length_is_not():
    """The candidates lack 2 of 12 tokens in all: exp(1 - 12/10)."""
    references = [[[1, 2, 3, 4, 5, 6]], [[1, 2, 3, 4, 5, 6]]]
    candidates = [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]
    assert bleu(candidates, references) == pytest.approx(np.exp(1 - 12 / 10), rel=1e-12)
    long = bleu([[1, 2, 3, 4, 5, 6, 6, 6]], references[:1], order=1)
    assert long == pytest.approx(6 / 8, rel=1e-12)


def test_of_two_references_as_close_the_shorter_counts():
    assert bleu([[1, 2, 3]], [[[1, 2, 3, 4], [1, 2]]], order=1) == pytest.approx(1, rel=1e-12)


def test_the_precisions_are_the_corpuss_not_the_mean_of_sentences():
    candidates, references = [[1], [1, 2, 3]], [[[1]], [[4, 5, 6]]]
    assert bleu(candidates, references, order=1) == pytest.approx(1 / 4, rel=1e-12)


def test_self_bleu_is_1_for_copies_and_0_without_a_common_token():
    assert self_bleu([[1, 2, 3, 4, 5]] * 4) == pytest.approx(1, rel=1e-12)
    assert self_bleu([[10 * i + j for j in range(6)] for i in range(5)]) == 0


def test_a_sample_is_no_reference_of_its_own():
    """Each shares its first two tokens of five with the other, and no trigram: 0.1 / 3."""
    found = self_bleu([[1, 2, 3, 4, 5], [1, 2, 6, 7, 8]], order=3)
    assert found == pytest.approx((2 / 5 * 1 / 4 * 0.1 / 3) ** (1 / 3), rel=1e-12)


def test_self_bleu_sees_collapse_and_no_order_of_samples():
    rng = np.random.default_rng(0)
    diverse = rng.integers(20, size=(30, 12)).tolist()
    collapsed = [diverse[i % 3] for i in range(30)]
    assert self_bleu(diverse) < 0.5 < 0.999 < self_bleu(collapsed)
    assert self_bleu(diverse[::-1]) == pytest.approx(self_bleu(diverse), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bleu([], []), "of 0 sequences"),
        (lambda: bleu([[1]], []), "1 candidates and 0 lists of references; expected one list"),
        (lambda: bleu([[1]], [[]]), "not empty"),
        (lambda: bleu([[1], []], [[[1]], [[1]]]), "of 2 sequences 1 are empty"),
        (lambda: bleu([[1]], [[[1]]], order=0), "order is 0"),
        (lambda: self_bleu([[1, 2]]), "there is 1 sample; expected at least 2"),
    ],
)
def test_refuses_what_it_cannot_compare(call, message):
    with pytest.raises(ValueError, match=message):
        call()
