"""A log of a run as a table: columns by name, rows by number."""

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any, overload

import numpy as np

from genlab.config import ConfigError, choices


class Log:
    """The rows of a log, oldest first, as they were when it was read: a row by its number, a column
    by its name.

    log["gen/loss"] is an array [N] with a value of every row, NaN where a row has none; log["step"]
    are the rounds; log[-1] is the last row, a dict; dict(log) are all columns, and
    pandas.DataFrame(log) is a frame. ConfigError for a column that no row has.
    """

    def __init__(self, rows: Sequence[dict[str, Any]]):
        self._rows = list(rows)

    def keys(self) -> list[str]:
        """The names of the columns, in the order in which they appear."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    @overload
    def __getitem__(self, at: str) -> np.ndarray: ...
    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> "Log": ...
    def __getitem__(self, at: str | int | slice) -> "np.ndarray | dict[str, Any] | Log":
        if isinstance(at, str):
            return self._column(at)
        return Log(self._rows[at]) if isinstance(at, slice) else self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)

    def __contains__(self, one: object) -> bool:
        return one in self.keys() if isinstance(one, str) else one in self._rows

    def __repr__(self) -> str:
        steps = [row["step"] for row in self._rows if "step" in row]
        rounds = f", rounds {steps[0]} to {steps[-1]}" if steps else ""
        return f"<{len(self)} rows{rounds}: {', '.join(self.keys())}>"

    def _column(self, name: str) -> np.ndarray:
        if name not in self:
            hint = choices(name, self.keys()) if self._rows else ": it has no rows yet"
            raise ConfigError(f"the log has no column {name!r}{hint}")
        found = [row.get(name) for row in self._rows]
        return np.array([x if isinstance(x, int | float) else nan for x in found])
