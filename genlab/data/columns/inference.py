"""The kind of a column, from its values."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns.column import Column
from genlab.data.columns.image import Image
from genlab.data.columns.label import Label
from genlab.data.columns.mask import Mask
from genlab.data.columns.numbers import Numbers
from genlab.data.columns.points import Points


def inferred(name: str, values: Any) -> Column:
    """uint8 [N, H, W, C] is an Image, bool [N, H, W] a Mask, integers, text and bool [N] a Label,
    floats [N] Numbers (their range is the values'), floats [N, D] Points.

    Raises ConfigError for anything else: a kind can always be given.
    """
    values = np.asarray(values)
    if name == "label" and values.dtype.kind == "f":
        raise ConfigError(
            f"column 'label': labels are {values.dtype} {values.shape}; they must be integers "
            f"[{len(values)}] or text: call numbers by another name, or give their kind"
        )
    for kind in (Image.of, Mask.of, Label.of, lambda x: Numbers.of(x, name), Points.of):
        if (found := kind(values)) is not None:
            return found
    raise ConfigError(
        f"column {name!r} is {values.dtype} {values.shape}: images must be uint8 [N, H, W, C] in "
        "0..255 (genlab.data.to_uint8 converts from [-1, 1]), masks bool [N, H, W], labels "
        "integers, text or bool [N], numbers floats [N], points floats [N, D]; or give its kind"
    )


def given(kinds: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Column]:
    """The kinds that a config gives for some of `columns`; ConfigError for a name that is none of
    them, and for what is no kind.
    """
    columns = list(columns)
    for name, kind in kinds.items():
        if name not in columns:
            hint = did_you_mean(name, columns) or f"; the columns are {', '.join(columns)}"
            raise ConfigError(f"a kind is given for {name!r}, which is no column{hint}")
        if not isinstance(kind, Column):
            raise ConfigError(
                f"kinds[{name!r}] is {kind!r}, no kind of column: give a spec such as "
                "spec(Numbers, ('angle',), (0.0,), (360.0,))"
            )
    return dict(kinds)


def checked(
    values: Mapping[str, Any], kinds: Mapping[str, Column]
) -> tuple[dict[str, np.ndarray], dict[str, Column]]:
    """The columns in the form they are stored in, and the kind of each: as given, else inferred.

    Raises ConfigError for columns of unlike length, and for values that are not of their kind.
    """
    kinds = given(kinds, values)
    found = {name: kinds.get(name) or inferred(name, x) for name, x in values.items()}
    stored = {name: found[name].check(name, x) for name, x in values.items()}
    lengths = {name: len(x) for name, x in stored.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise ConfigError(f"the columns have unlike numbers of rows ({told}): give one for each")
    return stored, found
