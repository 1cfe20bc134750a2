"""One example of a set, wherever a set is expected."""

import numpy as np

from genlab.config import ConfigError
from genlab.data.sources import Resident, Source, contents_of


def single(source: Source, row: int = 0) -> Resident:
    """Row `row` of a set's training examples, as stored, for every example of every split: the one
    style of `FeedForwardStyle`, say, by which its outputs are then scored too. Held-out splits keep
    their number of examples.

    ConfigError for a row that there is not.
    """
    train, *held_out = getattr(source, "splits", ("train", "validation", "test"))
    examples = source.read(train, row + 1)
    count = min(len(x) for x in examples.values())
    if not 0 <= row < count:
        raise ConfigError(f"single: there is no row {row}; the training examples are {count}")
    repeats = {train: 1, **{split: source.count(split) for split in held_out}}
    splits = {
        split: {name: np.repeat(x[row : row + 1], n, axis=0) for name, x in examples.items()}
        for split, n in repeats.items()
    }
    return Resident(splits, source.columns, contents=contents_of(source))
