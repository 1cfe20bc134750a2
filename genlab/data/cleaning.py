"""What is wrong with a folder of images, found before training: `examine`.

Every image is decoded once: what was seen is kept (see `contents`).
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Image, given
from genlab.data.contents import file_sha256, seen
from genlab.data.decoding import checked, explained
from genlab.data.layout import Item, labelled, partners
from genlab.data.listing import listing, some


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
    ignored: tuple[str, ...] = ()  # pictures of formats that are not read
    stated: tuple[str, ...] = ()  # of each column of a table its kind, and what was missing

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """The names by kind of problem, for the kinds that occur."""
        return {kind: getattr(self, kind) for kind in self._fields[4:-1] if getattr(self, kind)}

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
    kinds: Mapping[str, Column | str] = {},
    missing: Mapping[str, str] | str | None = None,
) -> tuple[list[Item], Cleaning]:
    """The usable images under `path`, and what was found; the arguments are those of `Recipe`.

    Of equal images the first is used, in the order train, validation, test: none leaks into a test.
    """
    asked = path, shape, attributes, label, problems, duplicates, resize, columns, pairs, kinds
    return examined(*asked, missing)[:2]


class Examined(NamedTuple):
    """What `examine` gives, the kinds of the columns, and the files that are used.

    contents: {folder: {name: sha256}}, as `sources.contents_of` has it
    """

    items: list[Item]
    cleaning: Cleaning
    columns: dict[str, Column]
    contents: dict[str, dict[str, str]]


def examined(
    path, shape, attributes, label, problems, duplicates, resize, columns, pairs, kinds, missing
) -> Examined:
    """As `examine`, with all that was found."""
    _choice("problems", problems, ("skip", "refuse"))
    _choice("duplicates", duplicates, ("skip", "refuse", "keep"))
    shape, root = checked(shape, resize), Path(path)
    files, ignored = listing(root)
    if missing is not None and attributes is None:
        raise ConfigError(f"missing={missing!r} is of a table: give its CSV file as Table.file")
    items, found, unlabelled, absent, stated = labelled(
        root, list(files), attributes, label, columns, kinds, missing
    )
    kinds = {name: found[name] if name in found else kind for name, kind in kinds.items()}
    _distinct(path, ["image", *found, *pairs], kinds)
    names = [item.name for item in items]
    held = seen(root, {name: files[name] for name in names})
    looks = {name: one.look for name, one in held.items() if one.look}
    readable = [looks[name] for name in names if name in looks]
    if not readable:
        why = f" ({some([explained(name, root / name) for name in names[:4]])})" if names else ""
        raise ConfigError(f"none of the {len(files)} images under {path} can be used{why}")
    shape = shape or _common_shape(readable)
    sizes = {name: tuple(looks[name][:2]) for name in names if name in looks}
    wrong = {n: size for n, size in sizes.items() if resize is None and size != shape[:2]}
    if 2 * len(wrong) > len(readable):  # not a few bad files: another kind of set
        raise ConfigError(_mixed(path, shape, wrong))
    unreadable = [explained(name, root / name) for name in names if name not in looks]
    others = {c: _others(c, p, names, kinds.get(c), shape, resize) for c, p in pairs.items()}
    whole = {n for n in sizes if n not in wrong and all(n in o.files for o in others.values())}
    if not whole:
        raise ConfigError(f"{path}: no image has a partner in each of {', '.join(pairs.values())}")
    fits = [
        Item(
            item.name,
            item.split,
            item.values | {c: o.files[item.name] for c, o in others.items()},
            looks[item.name][3],
        )
        for item in items
        if item.name in whole
    ]
    first = {item.pixels: item.name for item in reversed(fits)}
    again = {item.name for item in fits if first[item.pixels] != item.name}
    used = [item for item in fits if duplicates == "keep" or item.name not in again]
    for other in others.values():
        unreadable += other.unreadable
        wrong |= dict.fromkeys(other.wrong_size, ())
    lone = [name for other in others.values() for name in other.lone]
    named = [
        tuple(sorted(set(x))) for x in (unreadable, wrong, unlabelled, absent, again, lone, ignored)
    ]
    classes = getattr(found.get("label"), "names", ())
    count = len(files) + len(ignored)
    cleaning = Cleaning(shape, classes, count, len(used), *named)._replace(stated=stated)
    if (problems == "refuse" and any((*named[:4], lone, ignored))) or (
        duplicates == "refuse" and again
    ):
        raise ConfigError(f"{path}: {cleaning.summary()}; remove them, or give 'skip' for 'refuse'")
    kinds = {"image": Image(shape), **found} | {c: other.kind for c, other in others.items()}
    contents = {path: {item.name: held[item.name].sha256 for item in used}}
    if attributes is not None:
        contents[path][attributes] = file_sha256(root / attributes)
    for column, folder in pairs.items():
        names = [item.values[column].relative_to(folder).as_posix() for item in used]
        own = {name: others[column].sha256[name] for name in names}
        contents[folder] = contents.get(folder, {}) | own
    return Examined(used, cleaning, kinds, contents)


class Others(NamedTuple):
    """What a folder holds for the images of another: the file for each by the image's name, their
    kind, the names of those that cannot be used, and sha256 by the file's own name.
    """

    files: dict[str, Path]
    kind: Column
    unreadable: list[str]
    wrong_size: list[str]
    lone: list[str]
    sha256: dict[str, str]


def _others(
    column: str, path: str, names: list[str], kind: Column | None, shape: tuple, resize: str | None
) -> Others:
    root = Path(path)
    files = listing(root).files
    matched = partners(names, files)
    held = seen(root, {other: files[other] for other in matched.values()})
    if kind is None:
        readable = [one.look for one in held.values() if one.look]
        kind = Image((*shape[:2], _common_shape(readable)[2] if readable else 1))
    if len(kind.shape) != 3:
        raise ConfigError(f"pairs[{column!r}]: {path} holds pictures, and its kind is {kind}")
    bad = [other for other, x in held.items() if not x.look]
    sizes = {other: tuple(x.look[:2]) for other, x in held.items() if x.look}
    wrong = [other for other, size in sizes.items() if resize is None and size != kind.shape[:2]]
    usable = {n: root / o for n, o in matched.items() if o not in bad and o not in wrong}
    strays = [f"{path}/{other}" for other in files if other not in set(matched.values())]
    alone = [name for name in names if name not in matched] + strays
    unlike = [f"{path}/{other}" for other in wrong]
    sums = {other: x.sha256 for other, x in held.items()}
    return Others(usable, kind, [f"{path}/{other}" for other in bad], unlike, alone, sums)


def _distinct(path: str, names: list[str], kinds: Mapping[str, Column]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{path}: {twice[0]!r} names two columns; expected a name for each")
    given(kinds, names)


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
