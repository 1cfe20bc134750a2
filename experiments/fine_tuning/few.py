"""A few images of two digits, for those who know all ten."""

from dataclasses import replace

import numpy as np

from genlab.data import digits
from genlab.data.sources import Source

HELD_OUT = {"validation": 200, "test": 800}  # of all digits: whoever learns from all leaves these


def two(classes: tuple[int, int] = (3, 8), train: int = 40) -> Source:
    """The digits `classes`: the first `train` images of them in the train split, and all of them in
    the validation and test splits of `digits(**HELD_OUT)`.
    """
    source = digits(**HELD_OUT)
    kept = {
        split: np.flatnonzero(np.isin(held["label"], classes))
        for split, held in source.splits.items()
    }
    kept["train"] = kept["train"][:train]
    splits = {
        split: {name: column[kept[split]] for name, column in held.items()}
        for split, held in source.splits.items()
    }
    return replace(source, splits=splits)
