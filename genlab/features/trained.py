"""Networks trained on the data set itself, once for each set and architecture: a run in the cache,
by the fingerprint of its config, its data and its code.
"""

import hashlib

import numpy as np
from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError
from genlab.config.upgrades import in_a_row
from genlab.data.sources import Source
from genlab.runs import ingredients, kept_code
from genlab.runs.files import lock
from genlab.runtime.cache import cache


def trained(config: ConfigDict, source: Source) -> ingredients.Ingredient:
    """Network `net` of the experiment `config` on `source`, trained by the loop as any run is, or
    read from the cache.
    """
    from genlab.train.loop import fit

    code = kept_code.code_digest(config)  # "" where none of it is the user's
    known = {"contents": contents(source), **({"code": code} if code else {})}
    name = config_lib.fingerprint(in_a_row({**config_lib.as_dict(config), **known}))
    folder = cache() / "features" / name[:16]
    folder.mkdir(parents=True, exist_ok=True)
    steps = config.loop.steps
    with (folder / ".queue").open("w") as queue:
        lock(queue, wait=True)  # another process may be training it
        try:
            return ingredients.read(folder, "net", steps)
        except ConfigError:  # not trained yet, or not to the end
            fit(config, folder)
    return ingredients.read(folder, "net", steps)


def contents(source: Source, looked_at: int = 256) -> str:
    """sha256 of the train split, for a file may change under its name; of a streamed one, of its
    size and first examples.
    """
    some = None if source.resident else looked_at
    digest = hashlib.sha256(str(source.count("train")).encode())
    for _, column in sorted(source.read("train", some).items()):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
