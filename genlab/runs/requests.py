"""Folders of what was asked of a trained run: named by the request, written whole or not at all."""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genlab.config import ConfigError
from genlab.runs.files import writing

RECORD = "request.json"  # which every such folder holds
LONGEST = 120  # characters of a name: file systems take 255 bytes, and suffixes follow


def folder_name(parts: Sequence[str], asked: Mapping[str, Any]) -> str:
    """The name of a request's folder: `parts`, then the names and values of what was asked, but for
    those that are None.

    Of a value with characters that some file system refuses, and of a name that would be too long,
    it says what it can and ends in a fingerprint: no two requests share a name.
    """
    asked = {key: f"{value}" for key, value in asked.items() if value is not None}
    name = "_".join([*parts, *(_safe(key) + _safe(value) for key, value in asked.items())])
    plain = all(_safe(text) == text for one in asked.items() for text in one)
    if plain and len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}_{hashlib.sha256(repr(asked).encode()).hexdigest()[:8]}"


@contextlib.contextmanager
def written_whole(place: Path, command: str) -> Iterator[Path]:
    """A draft of the folder `place` to write into, a `RECORD` too: it takes the place of what an
    earlier call with the same request left there, once all is written.

    Raises ConfigError where something is in the way that is not of `command`.
    """
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with writing(place):
            draft.mkdir(parents=True)
            yield draft
            if place.exists():
                if not (place / RECORD).is_file():
                    raise ConfigError(f"{place} is in the way and not of `{command}`: move it away")
                shutil.rmtree(place)
            draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.,+-]+", "-", text)
