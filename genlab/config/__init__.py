"""Config: an experiment as data, bound by import path."""

from genlab.config.errors import ConfigError, choices, did_you_mean, one_line
from genlab.config.spec import (
    CALL,
    as_dict,
    build,
    choose,
    differences,
    fingerprint,
    from_dict,
    override,
    path_of,
    read,
    resolve,
    spec,
)

__all__ = [
    "CALL",
    "ConfigError",
    "as_dict",
    "build",
    "choices",
    "choose",
    "did_you_mean",
    "differences",
    "fingerprint",
    "from_dict",
    "one_line",
    "override",
    "path_of",
    "read",
    "resolve",
    "spec",
]
