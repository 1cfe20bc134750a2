"""What an npz file of somebody's may do to a reader: nothing but give arrays, or one line."""

import functools
import logging
import os
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from genlab.config import ConfigError

SPARE = 2**30  # bytes: samples of a collapsed model compress without bound
LABELS = 2**31  # what int32 holds


def read(
    path: str | Path, wanted: Collection[str] | None = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of an npz file that are called as in `wanted`, or all; and the names of all.

    Objects, which are pickles, are never read: where all arrays are asked for, those beside others
    are named in a warning. A file that would unpack without bound is refused first. ConfigError, in
    one line, for whatever is no such file.
    """
    try:
        if not os.path.isfile(path):
            raise OSError("no such file")
        size = os.path.getsize(path)
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > 20 * size + SPARE:
            raise ConfigError(
                f"{path}: {size / 2**20:.1f} MiB that unpack to {unpacked / 2**30:.1f} GiB, more "
                f"than 20 times as much and 1 GiB, are not read, for a few bytes can claim any "
                "size: if the file is yours, save it uncompressed, with np.savez"
            )
        with np.load(path, allow_pickle=False) as file:
            names = [name for name in file.files if wanted is None or name in wanted]
            found = _arrays(file, names, str(path), spare=wanted is None)
            if others := [name for name, x in found.items() if not isinstance(x, np.ndarray)]:
                raise ValueError(f"{others[0]!r} is no array")
            return found, file.files
    except ConfigError:
        raise
    except Exception as error:  # a damaged file can break its parser in any way
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"{path} is no npz file of arrays, or a damaged one ({said})") from None


def _arrays(file, names: Collection[str], path: str, spare: bool) -> dict[str, np.ndarray]:
    """The arrays called so; of objects and of single values a word, where others are there."""
    found, objects = {}, []
    for name in names:
        try:
            found[name] = file[name]
        except ValueError as error:
            if "Object arrays" not in str(error):
                raise
            objects.append(name)
    single = [name for name, x in found.items() if spare and np.ndim(x) == 0]
    rest = {name: x for name, x in found.items() if name not in single}
    if objects and not (spare and rest):
        raise ValueError(
            f"{objects[0]!r} is an array of objects, which would be unpickled: save numbers, or "
            "text, x.astype(str)"
        )
    for name in objects:
        _warn_once(
            f"{path}: {name!r} is an array of objects and is not read, for that would unpickle it: "
            "save numbers, or text, x.astype(str)"
        )
    for name in single if rest else ():
        _warn_once(f"{path}: {name!r} is a single value, no column, and is not read")
    return rest or found


@functools.cache
def _warn_once(message: str) -> None:
    logging.getLogger("genlab").warning(message)


def check_labels(label: np.ndarray, where: str = "") -> None:
    """ConfigError names the first row whose label is no class number: 0, 1, ..."""
    odd = np.flatnonzero((label < 0) | (label >= LABELS))
    if odd.size:
        raise ConfigError(
            f"{where}label {label[odd[0]]} in row {odd[0]} ({odd.size} of {len(label)} rows are "
            "such); labels must be 0, 1, ..."
        )
