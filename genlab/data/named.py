"""Data by a short name, as a command line gives it: `--config.data=tfds:cifar10`."""

from ml_collections import ConfigDict

from genlab import data
from genlab.config import ConfigError, did_you_mean, spec

SETS = ("digits", "glyphs", "mnist5k", "photographs", "ring", "grid", "swiss_roll")


def named(text: str) -> ConfigDict:
    """The spec of a name of SETS, "tfds:NAME", "folder:PATH" or "arrays:FILE.npz"."""
    scheme, _, rest = text.partition(":")
    if scheme in ("tfds", "folder", "arrays") and rest:
        return spec(getattr(data, scheme), rest)
    if text in SETS:
        return spec(getattr(data, text))
    known = [*SETS, "tfds:NAME", "folder:PATH", "arrays:FILE.npz"]
    hint = did_you_mean(text, SETS) or f"; there is {', '.join(known)}"
    raise ConfigError(f"no data called {text!r}{hint}")
