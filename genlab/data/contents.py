"""What image files hold, looked at once: known from then on by size and times, in the cache."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from genlab.data.decoding import opened
from genlab.runs.files import object_in, write_text
from genlab.runtime.cache import cache

Stamp = tuple[int, int, int]  # of a file: bytes, and when its contents and its entry were changed


class Seen(NamedTuple):
    """A file that was looked at.

    sha256: of its bytes; "" where they cannot be read
    look:   [height, width, grey, sha256 of the pixels]; None where it is no picture
    """

    sha256: str
    look: list[Any] | None


def seen(root: Path, files: Mapping[str, Stamp]) -> dict[str, Seen]:
    """What each of the files under a folder holds; only those that are new, or of another size or
    time than they were, are opened.
    """
    store = memory(root)
    known = {name: x for name, x in object_in(store).items() if _sound(x)}
    new = [name for name, stamp in files.items() if known.get(name, [])[:3] != list(stamp)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = dict(zip(new, pool.map(_look, [root / name for name in new]), strict=True))
    # What could not be read is tried again next time: the fault may have been the disk's.
    known |= {name: [*files[name], *found] for name, found in looks.items() if found.look}
    if any(found.look for found in looks.values()):
        try:
            store.parent.mkdir(parents=True, exist_ok=True)
            write_text(store, json.dumps(known))
        except OSError as error:  # without it everything is looked at each time
            logging.getLogger("genlab").info("cannot keep what was seen: %s", error)
    return {n: looks[n] if n in looks else Seen(*known[n][3:]) for n in files}


def memory(root: Path) -> Path:
    """Where it is kept what the files of a folder hold."""
    place = os.fsencode(Path(root).resolve())
    return cache() / "folders" / f"{hashlib.sha256(place).hexdigest()[:32]}.json"


def file_sha256(path: Path) -> str:
    """Of the bytes of a file; "" where they cannot be read."""
    if not path.is_file():
        return ""  # a pipe would be waited for
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _sound(entry: Any) -> bool:
    """Whether an entry is what `_look` gave: the file may be anybody's."""
    match entry:
        case [int(), int(), int(), str(), [int(height), int(width), bool(), str()]]:
            return height > 0 and width > 0
    return False


def _look(file: Path) -> Seen:
    sha256 = file_sha256(file)
    try:
        picture = opened(file)
    except OSError:
        return Seen(sha256, None)
    pixels = f"{picture.mode} {picture.size}".encode() + picture.tobytes()
    grey = picture.mode in ("L", "LA")
    look = [picture.height, picture.width, grey, hashlib.sha256(pixels).hexdigest()]
    return Seen(sha256, look)
