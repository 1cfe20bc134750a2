"""The handwritten digits that scikit-learn carries."""

import numpy as np

from genlab.config import ConfigError
from genlab.data.bundled import bundled
from genlab.data.decoding import resized
from genlab.data.sets.arrays import from_arrays
from genlab.data.sources import Source


def digits(
    validation: int = 300, test: int = 500, seed: int = 0, augment: tuple = (), size: int = 8
) -> Source:
    """1,797 scans of handwritten digits, 8x8 with 17 grey levels: scikit-learn's copy of UCI
    optdigits' test part (Alpaydin & Kaynak 1998), split by a permutation that `seed` fixes. Stored
    as uint8, level k as round(255 k / 16). `size` enlarges them to size x size, bicubic.
    """
    if size < 8:
        raise ConfigError(f"digits of size={size}: they are 8x8, and can be enlarged from there")
    # The file alone: importing scikit-learn takes as long as compiling a small game.
    file = bundled("scikit-learn", "sklearn/datasets/data/digits.csv.gz")
    rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    image = np.rint(rows[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    if size > 8:
        image = np.stack([resized(one, (size, size, 1)) for one in image])
    return from_arrays(
        image, rows[:, -1], validation=validation, test=test, seed=seed, augment=augment
    )
