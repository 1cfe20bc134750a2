"""Printing that never ends a run: to a terminal that lacks a character, to a reader that has left,
to nobody.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

GONE = (errno.EPIPE, errno.EIO, errno.EBADF)  # the reader ended, the terminal or the file is closed


class _Nowhere(io.TextIOBase):
    """A stream that nobody reads."""

    def write(self, text: str) -> int:
        return len(text)


class Outlet:
    """A text stream that takes everything: a character that it cannot encode is written as its
    escape, and what nobody can read any more is dropped.
    """

    def __init__(self, stream: Any):
        self._stream = _Nowhere() if stream is None else stream

    def write(self, text: str) -> int:
        """The number of characters taken: all."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            shown = text.encode(error.encoding, "backslashreplace").decode(error.encoding)
            return self.write(shown) and len(text)
        except (OSError, ValueError) as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """As far as anybody reads."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._drop(error)

    def isatty(self) -> bool:
        """Whether a person watches."""
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False

    def _drop(self, error: Exception) -> None:
        """Lets what is buffered and what follows go nowhere, if the reader is gone for good; a full
        disk may have room later.
        """
        if not isinstance(error, OSError) or error.errno in GONE:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())
                os.close(null)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def steady() -> Iterator[None]:
    """Meanwhile printing to sys.stdout and sys.stderr never fails, closed or not."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by the shell: the next file opened would take its place
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = outlets = Outlet(before[0]), Outlet(before[1])
    try:
        yield
    finally:
        for outlet in outlets:
            outlet.flush()
        sys.stdout, sys.stderr = before
