"""BLEU against sacrebleu and nltk, on tokens that need no tokeniser."""

import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write


def sequences(n, seed, tokens=6, least=3, most=14):
    """Random ids of an order-1 chain, so that n-grams repeat."""
    rng = np.random.default_rng(seed)
    chain = rng.dirichlet(np.full(tokens, 0.3), size=tokens)
    found = []
    for length in rng.integers(least, most, size=n):
        ids = [int(rng.integers(tokens))]
        while len(ids) < length:
            ids.append(int(rng.choice(tokens, p=chain[ids[-1]])))
        found.append(ids)
    return found


def corpus(short=False):
    """30 candidates with 3 references each, of one chain; the references may all be longer."""
    drawn = sequences(120, 0)
    if short:
        return [ids[: max(1, len(ids) - 4)] for ids in drawn[:30]], [[ids] for ids in drawn[:30]]
    return drawn[:30], [drawn[30 + 3 * i : 33 + 3 * i] for i in range(30)]


def ours_bleu(order, short=False):
    from genlab.metrics.text import bleu

    return bleu(*corpus(short), order)


def nltk_bleu(order):
    from nltk.translate.bleu_score import corpus_bleu

    candidates, references = corpus()
    return corpus_bleu(references, candidates, (1 / order,) * order)


def sacre_bleu(order, short=False):
    from sacrebleu.metrics import BLEU

    candidates, references = corpus(short)
    told = [" ".join(map(str, ids)) for ids in candidates]
    streams = [
        [" ".join(map(str, own[i])) for own in references] for i in range(len(references[0]))
    ]
    scorer = BLEU(tokenize="none", smooth_method="none", max_ngram_order=order, force=True)
    return scorer.corpus_score(told, streams).score / 100


def ours_self(order):
    from genlab.metrics.text import self_bleu

    return self_bleu(sequences(25, 1, tokens=12), order)


def nltk_self(order):
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    samples = sequences(25, 1, tokens=12)
    smooth = SmoothingFunction().method1
    scores = [
        sentence_bleu(samples[:i] + samples[i + 1 :], own, (1 / order,) * order, smooth)
        for i, own in enumerate(samples)
    ]
    return np.mean(scores)


CASES = [
    *(
        Case(
            f"BLEU-{n}, sacrebleu", "text.bleu", "sacrebleu",
            partial(ours_bleu, n), partial(sacre_bleu, n), 1e-12,
        )
        for n in (1, 2, 4)
    ),
    Case(
        "BLEU-4 of short candidates", "text.bleu", "sacrebleu",
        partial(ours_bleu, 4, short=True), partial(sacre_bleu, 4, short=True), 1e-12,
    ),
    Case("BLEU-3, nltk", "text.bleu", "nltk", partial(ours_bleu, 3), partial(nltk_bleu, 3), 1e-12),
    *(
        Case(
            f"self-BLEU-{n}", "text.self_bleu", "nltk",
            partial(ours_self, n), partial(nltk_self, n), 1e-12,
        )
        for n in (2, 3, 4, 5)
    ),
]  # fmt: skip

if __name__ == "__main__":
    write(__file__, CASES)
