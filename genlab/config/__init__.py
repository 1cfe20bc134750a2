"""Config: an experiment as data, bound by import path."""

from genlab.config import live
from genlab.config.errors import (
    ConfigError,
    above_zero,
    check_seed,
    choices,
    did_you_mean,
    one_line,
    one_or_more,
    place_of,
    placed,
)
from genlab.config.overrides import override
from genlab.config.spec import (
    CALL,
    as_dict,
    build,
    choose,
    differences,
    fingerprint,
    from_dict,
    path_of,
    read,
    resolve,
    spec,
)

__all__ = [
    "CALL",
    "ConfigError",
    "above_zero",
    "as_dict",
    "build",
    "check_seed",
    "choices",
    "choose",
    "did_you_mean",
    "differences",
    "fingerprint",
    "from_dict",
    "live",
    "one_line",
    "one_or_more",
    "override",
    "path_of",
    "place_of",
    "placed",
    "read",
    "resolve",
    "spec",
]
