"""JSON on disk: written whole or not at all, and read as far as it is whole.

Every file of a run, a sweep or a cache goes through here. A writer may be killed, and a disk be
full, at any time; a reader may meet what such a writer left, or what somebody else edited.
"""

import contextlib
import errno
import fcntl
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from genlab.config import ConfigError

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class NotWritten(OSError):
    """The disk did not take what has to be kept: it is full, or may not be written."""

    @classmethod
    def because(cls, what: str, error: Exception, more: str = "") -> "NotWritten":
        """In one line: what was to be written, the reason, what to do."""
        text = " ".join(str(error).split())
        full = next((r for r in ("No space left on device", "File too large") if r in text), "")
        reason = full or getattr(error, "strerror", None) or text[:200]
        no_room = full or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        way = "make room (or give another" if no_room else "mend that (or give another"
        advice = f"{way} --workdir), and the same command goes on"
        return cls(f"{what} could not be written: {reason}{more}: {advice}")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses meanwhile becomes `NotWritten`, with the path."""
    try:
        yield
    except NotWritten:
        raise
    except OSError as error:
        raise NotWritten.because(str(path), error) from error


def lock(file: IO, wait: bool = False) -> None:
    """Locks an open file against other processes, until it is closed or this one ends, however.

    Raises BlockingIOError where another process holds it, unless it is to `wait`. Where the file
    system has no locks, as some network file systems, a warning says that nothing is locked.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise NotWritten(f"{file.name} could not be locked: {error.strerror}") from error
        warnings.warn(
            f"{file.name}: its file system has no locks ({error.strerror}), so that nothing keeps "
            "a second run out of this folder: start none",
            stacklevel=2,
        )


def write_json(path: Path, value: Any) -> None:
    """Replaces the file by `value`; NotWritten where the disk does not take it."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replaces the file: whoever reads it finds the old text or the new one, never a part.

    What UTF-8 has no bytes for, a lone surrogate in a user's message, is written as its escape.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writing(path), draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name with nothing in it
        with writing(path):
            draft.replace(path)
    finally:
        with contextlib.suppress(OSError):  # what went wrong before says more
            draft.unlink(missing_ok=True)


def append_row(path: Path, row: dict) -> None:
    """Adds a line, after what a kill or a full disk may have cut off; NotWritten where the disk
    does not take it.
    """
    with writing(path), path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 1, 0))
        torn = end and file.read(1) != b"\n"
        file.write(b"\n" * torn + json.dumps(row).encode() + b"\n")


def object_in(path: Path, problems: list[str] | None = None) -> dict:
    """The JSON object in a file; an empty one where there is none, and why, added to `problems`."""
    problems = [] if problems is None else problems
    try:
        value = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing")
        return {}
    except (ValueError, OSError, RecursionError) as error:
        problems.append(f"{path.name} cannot be read: {error}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name} holds no JSON object")
        return {}
    return value


def sound_object_in(path: Path) -> dict:
    """The JSON object in a file, an empty one where there is no file; ConfigError for a damaged
    one, where to go on without it would lose or repeat something.
    """
    if not path.is_file():
        return {}
    problems: list[str] = []
    found = object_in(path, problems)
    if problems:
        raise ConfigError(f"{path.parent}: {problems[0]}: mend it, or move it away to do without")
    return found


def rows_in(
    path: Path, problems: list[str] | None = None, needed: Sequence[str] = ()
) -> list[dict]:
    """The lines that are JSON objects with the `needed` fields; a killed run may have cut off the
    last. Lines that are not are counted in `problems`.
    """
    problems = [] if problems is None else problems
    if not path.is_file():
        problems.append(f"{path.name} is missing")
        return []
    lines = [
        line
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    rows = [row for row in map(_row, lines) if row is not None and all(n in row for n in needed)]
    if lost := len(lines) - len(rows):
        problems.append(f"{path.name}: {lost} of {len(lines)} lines cannot be read")
    return rows


def _row(line: str) -> dict | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step", 0), int) else None
