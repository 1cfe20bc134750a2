"""The image files under a folder: by their suffix, or by their first bytes."""

import os
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from genlab.config import ConfigError, one_line

SUFFIXES = tuple(
    ".apng .bmp .dib .gif .jfif .jif .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff "
    ".webp".split()
)
OTHERS = tuple(  # pictures that are not read: named, never left out without a word
    ".ai .arw .avif .cr2 .cr3 .dng .eps .exr .hdr .heic .heif .ico .j2k .jp2 .jxl .nef .orf .pcx "
    ".psd .raw .rw2 .svg .tga .xcf".split()
)
HEADS = (  # of the formats that are read
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*",
    *(b"P%d%c" % (n, space) for n in range(1, 7) for space in b" \t\n\r"),
)  # fmt: skip
AROUND = ("__MACOSX", "@eaDir")  # what systems leave beside pictures


class Listing(NamedTuple):
    """The image files under a folder, and pictures of formats that are not read.

    files: name to (bytes, mtime, ctime)
    """

    files: dict[str, tuple[int, int, int]]
    ignored: list[str]


def listing(root: Path) -> Listing:
    """Every image file under a folder, at any depth, but hidden ones and prepared copies.

    ConfigError where there is none.
    """
    if not root.is_dir():
        raise ConfigError(f"no folder {root}")
    files, ignored = {}, []
    above = {os.fspath(root): {_place(root)}}  # links may form a ring: a folder inside itself
    for place, folders, names in os.walk(root, onerror=_unlisted, followlinks=True):
        inside, outer = Path(place).relative_to(root), above.pop(place)
        folders[:] = [f for f in folders if not _passed_over(place, f, outer)]
        above |= {os.path.join(place, f): outer | {_place(os.path.join(place, f))} for f in folders}
        for name in names:
            file = os.path.join(place, name)
            stat = None if name.startswith(".") else _image(file, name)
            if stat:
                stamp = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
                files[(inside / name).as_posix()] = stamp
            elif name.lower().endswith(OTHERS) and not name.startswith("."):
                ignored.append((inside / name).as_posix())
    if not files:
        raise ConfigError(f"no images under {root}{_why(ignored)}")
    return Listing(dict(sorted(files.items())), sorted(ignored))


def some(names) -> str:
    """Up to three of the names, for a message."""
    names = list(names)
    return ", ".join(one_line(name, 200) for name in names[:3]) + (" ..." if len(names) > 3 else "")


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes, 14 or more, is of a format that is read."""
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    bmp = head[:2] == b"BM" and head[6:10] == bytes(4)
    return webp or bmp or head.startswith(HEADS)


def _image(file: str, name: str) -> os.stat_result | None:
    """The status of a file with an image's suffix, or with an image's first bytes."""
    stat = os.stat(file) if os.path.exists(file) else os.lstat(file)  # a broken link
    if name.lower().endswith(SUFFIXES):
        return stat
    if not S_ISREG(stat.st_mode) or name.lower().endswith(OTHERS):
        return None
    try:
        with open(file, "rb") as opened:
            return stat if is_picture(opened.read(16)) else None
    except OSError:
        return None


def _passed_over(place: str, folder: str, above: set[tuple[int, int]]) -> bool:
    inside = os.path.join(place, folder)
    copy = folder.startswith("prepared-") and os.path.isfile(os.path.join(inside, "index.json"))
    return folder.startswith(".") or folder in AROUND or copy or _place(inside) in above


def _place(folder: str | Path) -> tuple[int, int]:
    stat = os.stat(folder)
    return stat.st_dev, stat.st_ino


def _why(ignored: list[str]) -> str:
    looked = f"looked for {' '.join(SUFFIXES)}, and for files that begin as such"
    if not ignored:
        return f" ({looked})"
    return f", but {len(ignored)} of formats that are not read ({some(ignored)}): save them as PNG"


def _unlisted(error: OSError) -> None:
    raise ConfigError(f"cannot list {error.filename}: {error.strerror}")
