"""What is wrong with a folder of images, found before training: `examine`.

Every image is decoded once. What was seen is kept beside the images in `.genlab-images.json`, so
that a later look only compares sizes and times of files.
"""

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Image, given
from genlab.data.decoding import checked, opened
from genlab.data.layout import Item, labelled, listing, partners, some
from genlab.runs.files import NotWritten, object_in, write_text

SEEN = ".genlab-images.json"  # {name: [bytes, mtime, [height, width, grey, sha256]]}


class Cleaning(NamedTuple):
    """What an examination found, problems by the names of their files."""

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    found: int
    used: int
    unreadable: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()  # images not in the CSV, or beside the class folders
    missing: tuple[str, ...] = ()  # names in the CSV without an image
    duplicates: tuple[str, ...] = ()  # all but the first of images with equal pixels
    without_partner: tuple[str, ...] = ()  # images of one of several folders that others lack

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """The names by kind of problem, for the kinds that occur."""
        return {kind: getattr(self, kind) for kind in self._fields[4:] if getattr(self, kind)}

    def summary(self) -> str:
        """One line: how many images are used, and up to three names of every kind of problem."""
        words = {kind: kind.replace("_", " ").removesuffix("s") for kind in self.problems}
        told = [f"{len(x)} {words[kind]} ({some(x)})" for kind, x in self.problems.items()]
        return "; ".join([f"{self.used} of {self.found} images used", *told])


def examine(
    path: str,
    shape: tuple[int, int, int] | None = None,
    attributes: str | None = None,
    label: str | None = None,
    problems: str = "skip",
    duplicates: str = "skip",
    resize: str | None = None,
    columns: tuple[str, ...] = (),
    pairs: Mapping[str, str] = {},
    kinds: Mapping[str, Column] = {},
) -> tuple[list[Item], Cleaning]:
    """The usable images under `path`, and what was found; the arguments are those of `folder`.

    Of equal images the first is used, in the order train, validation, test: none leaks into a test.
    """
    asked = path, shape, attributes, label, problems, duplicates, resize, columns, pairs, kinds
    return examined(*asked)[:2]


def examined(
    path, shape, attributes, label, problems, duplicates, resize, columns, pairs, kinds
) -> tuple[list[Item], Cleaning, dict[str, Column]]:
    """As `examine`, and the kinds of the columns."""
    _choice("problems", problems, ("skip", "refuse"))
    _choice("duplicates", duplicates, ("skip", "refuse", "keep"))
    shape, root = checked(shape, resize), Path(path)
    files = listing(root)
    columns = (columns,) if isinstance(columns, str) else tuple(columns)
    items, found, unlabelled, missing = labelled(
        root, list(files), attributes, label, columns, kinds
    )
    _distinct(path, ["image", *found, *pairs], kinds)
    names = [item.name for item in items]
    looks = _seen(root, {name: files[name] for name in names})
    seen = {name: look for name, look in looks.items() if look}
    readable = [seen[name] for name in names if name in seen]
    if not readable:
        raise ConfigError(f"none of the {len(files)} images under {path} can be used")
    shape = shape or _common_shape(readable)
    sizes = {name: tuple(seen[name][:2]) for name in names if name in seen}
    wrong = {n: size for n, size in sizes.items() if resize is None and size != shape[:2]}
    if 2 * len(wrong) > len(readable):  # not a few bad files: another kind of set
        raise ConfigError(_mixed(path, shape, wrong))
    unreadable = [name for name in names if name not in seen]
    others = {c: _others(c, p, names, kinds.get(c), shape, resize) for c, p in pairs.items()}
    whole = {n for n in sizes if n not in wrong and all(n in o.files for o in others.values())}
    if not whole:
        raise ConfigError(f"{path}: no image has a partner in each of {', '.join(pairs.values())}")
    fits = [
        item._replace(values=item.values | {c: o.files[item.name] for c, o in others.items()})
        for item in items
        if item.name in whole
    ]
    first = {seen[item.name][3]: item.name for item in reversed(fits)}
    again = {item.name for item in fits if first[seen[item.name][3]] != item.name}
    used = [item for item in fits if duplicates == "keep" or item.name not in again]
    for other in others.values():
        unreadable += other.unreadable
        wrong |= dict.fromkeys(other.wrong_size, ())
    lone = [name for other in others.values() for name in other.lone]
    named = [tuple(sorted(set(x))) for x in (unreadable, wrong, unlabelled, missing, again, lone)]
    classes = getattr(found.get("label"), "names", ())
    cleaning = Cleaning(shape, classes, len(files), len(used), *named)
    if (problems == "refuse" and any((*named[:4], lone))) or (duplicates == "refuse" and again):
        raise ConfigError(f"{path}: {cleaning.summary()}; remove them, or give 'skip' for 'refuse'")
    kinds = {"image": Image(shape), **found} | {c: other.kind for c, other in others.items()}
    return used, cleaning, kinds


class Others(NamedTuple):
    """What a folder holds for the images of another: the file for each by the image's name, their
    kind, and the names of those that cannot be used.
    """

    files: dict[str, Path]
    kind: Column
    unreadable: list[str]
    wrong_size: list[str]
    lone: list[str]


def _others(
    column: str, path: str, names: list[str], kind: Column | None, shape: tuple, resize: str | None
) -> Others:
    root = Path(path)
    files = listing(root)
    matched = partners(names, files)
    seen = _seen(root, {other: files[other] for other in matched.values()})
    if kind is None:
        readable = [look for look in seen.values() if look]
        kind = Image((*shape[:2], _common_shape(readable)[2] if readable else 1))
    if len(kind.shape) != 3:
        raise ConfigError(f"pairs[{column!r}]: {path} holds pictures, and its kind is {kind}")
    bad = [other for other, x in seen.items() if not x]
    fixed = resize is not None
    wrong = [n for n, x in seen.items() if x and not fixed and tuple(x[:2]) != kind.shape[:2]]
    usable = {n: root / o for n, o in matched.items() if o not in bad and o not in wrong}
    strays = [f"{path}/{other}" for other in files if other not in set(matched.values())]
    alone = [name for name in names if name not in matched] + strays
    unlike = [f"{path}/{other}" for other in wrong]
    return Others(usable, kind, [f"{path}/{other}" for other in bad], unlike, alone)


def _distinct(path: str, names: list[str], kinds: Mapping[str, Column]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{path}: {twice[0]!r} names two columns; expected a name for each")
    given(kinds, names)


def _seen(root: Path, files: dict[str, tuple[int, int]]) -> dict[str, list | None]:
    """[height, width, grey, sha256 of the pixels] of each image; None for an unreadable one."""
    store = root / SEEN
    known = {name: x for name, x in object_in(store).items() if _sound(x)}
    new = [name for name, stamp in files.items() if known.get(name, [])[:2] != list(stamp)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looks = dict(zip(new, pool.map(_look, [root / name for name in new]), strict=True))
    # What could not be read is tried again next time: the fault may have been the disk's.
    known |= {name: [*files[name], look] for name, look in looks.items() if look}
    if any(looks.values()):
        try:
            write_text(store, json.dumps(known))
        except NotWritten as error:  # a folder that may only be read is looked through each time
            logging.getLogger("genlab").info("cannot keep what was seen: %s", error)
    return {name: looks[name] if name in looks else known[name][2] for name in files}


def _sound(entry: Any) -> bool:
    """Whether an entry is what `_look` gave: the file may be anybody's."""
    match entry:
        case [int(), int(), [int(height), int(width), bool(), str()]]:
            return height > 0 and width > 0
    return False


def _look(file: Path) -> list[Any] | None:
    try:
        picture = opened(file)
    except OSError:
        return None
    pixels = f"{picture.mode} {picture.size}".encode() + picture.tobytes()
    grey = picture.mode in ("L", "LA")
    return [picture.height, picture.width, grey, hashlib.sha256(pixels).hexdigest()]


def _common_shape(seen: list[list]) -> tuple[int, int, int]:
    (height, width), _ = Counter((h, w) for h, w, *_ in seen).most_common(1)[0]
    return height, width, 1 if all(grey for _, _, grey, _ in seen) else 3


def _mixed(path: str, shape: tuple, wrong: dict[str, tuple[int, int]]) -> str:
    examples = some([f"{name} is {height}x{width}" for name, (height, width) in wrong.items()])
    return (
        f"{path}: {len(wrong)} images are not {shape[0]}x{shape[1]} ({examples}): "
        "give shape=(H, W, C) and resize='bicubic' to bring all to one size"
    )


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ConfigError(f"{name}={value!r} is none of {', '.join(choices)}{hint}")
