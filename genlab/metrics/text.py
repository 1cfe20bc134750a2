"""Similarity of sequences of tokens by the n-grams they share. Tokens are anything hashable, such
as integer ids, so scores do not depend on a tokeniser of this package.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

Tokens = Sequence[Hashable]


def bleu(
    candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]], order: int = 4
) -> float:
    """Corpus BLEU of `candidates` [N], each with its own list of `references`, 0 to 1.

    Papineni et al. 2002 (ACL, "BLEU: a method for automatic evaluation of machine translation"),
    Section 2.3: the geometric mean of the clipped precisions of 1- to `order`-grams over the whole
    corpus, times exp(1 - r / c) where the candidates' length c is below r, the sum of the closest
    references' lengths (of two as close, the shorter). Not smoothed: without a common
    `order`-gram the score is 0. Raises ValueError for empty lists, a candidate without a reference,
    and an order below 1.
    """
    _check(candidates, order)
    if len(references) != len(candidates) or not all(len(own) for own in references):
        raise ValueError(
            f"there are {len(candidates)} candidates and {len(references)} lists of references; "
            "expected one list for each, not empty: repeat the list where all share one"
        )
    found, possible = np.zeros(order), np.zeros(order)
    length = closest = 0
    for candidate, own in zip(candidates, references, strict=True):
        length += len(candidate)
        closest += _closest(len(candidate), Counter(len(reference) for reference in own))
        for n in range(1, order + 1):
            most = Counter()
            for reference in own:
                most |= _ngrams(reference, n)
            grams = _ngrams(candidate, n)
            found[n - 1] += (grams & most).total()
            possible[n - 1] += grams.total()
    return _combined(found, possible, length, closest)


def self_bleu(samples: Sequence[Tokens], order: int = 4) -> float:
    """Mean over `samples` [N] of the BLEU of each against all the others: 1 where all are alike.

    Zhu et al. 2018 (Texygen, arXiv:1802.01886): lower is more diverse. As in their
    code, each is scored by itself and smoothed: where no n-gram of some order is shared the count
    is 0.1 (Chen & Cherry 2014, W14-3346, method 1), except that no common token at all scores 0. It
    grows with N, so compare equal counts only; theirs is 500. Raises ValueError for fewer than 2
    samples, empty ones, and an order below 1.
    """
    _check(samples, order)
    if len(samples) < 2:
        raise ValueError(f"there is {len(samples)} sample; expected at least 2 to compare")
    lengths = Counter(len(sample) for sample in samples)
    counts = [[_ngrams(sample, n) for sample in samples] for n in range(1, order + 1)]
    largest = [_two_largest(grams) for grams in counts]
    scores = []
    for i, sample in enumerate(samples):
        own = [grams[i] for grams in counts]
        found = np.array(
            [
                sum(min(count, _of_others(count, *most[gram])) for gram, count in grams.items())
                for grams, most in zip(own, largest, strict=True)
            ]
        )
        possible = np.array([max(1, grams.total()) for grams in own])
        smoothed = np.where(found > 0, found, 0.1 if found[0] else 0.0)
        closest = _closest(len(sample), lengths - Counter([len(sample)]))
        scores.append(_combined(smoothed, possible, len(sample), closest))
    return float(np.mean(scores))


def _of_others(count: int, first: int, second: int) -> int:
    """The largest count among the other samples: the second where this one has the first."""
    return second if count == first else first


def _two_largest(counts: list[Counter]) -> dict[tuple, tuple[int, int]]:
    """Of each n-gram, the largest count in one sample and the largest in another."""
    found: dict[tuple, tuple[int, int]] = {}
    for grams in counts:
        for gram, count in grams.items():
            first, second = found.get(gram, (0, 0))
            found[gram] = (max(first, count), max(second, min(first, count)))
    return found


def _ngrams(tokens: Tokens, n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _closest(length: int, lengths: Counter) -> int:
    return min(lengths, key=lambda other: (abs(other - length), other))


def _combined(found: np.ndarray, possible: np.ndarray, length: int, closest: int) -> float:
    if not found.all():
        return 0.0
    return float(np.exp(np.log(found / possible).mean() + min(0.0, 1 - closest / length)))


def _check(samples: Sequence[Tokens], order: int) -> None:
    if not len(samples) or not all(len(sample) for sample in samples):
        raise ValueError(
            f"of {len(samples)} sequences {sum(not len(s) for s in samples)} are empty; expected "
            "at least one, of at least one token: leave empty ones out, and say how many"
        )
    if order < 1:
        raise ValueError(f"order is {order}; expected the longest n-gram to count, such as 4")
