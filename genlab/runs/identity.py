"""Which parts of a config define the run."""

from ml_collections import ConfigDict

from genlab import config as config_lib

MUTABLE_ON_RESUME = ("loop", "evaluate", "recalibrate", "title")


def identity(config: ConfigDict) -> dict:
    """The part of a config that defines the run: two runs with the same identity play the same
    rounds.
    """
    return {k: v for k, v in config_lib.as_dict(config).items() if k not in MUTABLE_ON_RESUME}


def fingerprint(config: ConfigDict) -> str:
    """sha256 of the run's identity."""
    return config_lib.fingerprint(identity(config))
