"""Features of a TFDS set as columns: the kind of each, and how one example's value is stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Image, Label, Numbers
from genlab.data.decoding import checked, fitted

RANGE = 10_000  # examples, the first of a split, whose extremes are the range of numbers


@dataclass(frozen=True)
class Feature:
    """A column read from one feature of an example, or from all of a group.

    paths:  of the features, inner ones as "attributes/Male"
    resize: a Pillow filter, for pictures of another size than the kind's
    gain:   255 for pixels stored as 0 and 1
    """

    column: str
    paths: tuple[str, ...]
    kind: Column
    resize: str | None = None
    gain: int = 1

    def raw(self, example: Mapping[str, Any]) -> np.ndarray:
        """As the set has it; of a group a vector."""
        found = [np.asarray(inner(example, path)) for path in self.paths]
        return found[0] if len(found) == 1 else np.array(found, np.float32)

    def stored(self, example: Mapping[str, Any]) -> np.ndarray:
        """As the column's kind stores it."""
        value = self.raw(example)
        if value.ndim == 3 and value.dtype == np.uint8 and len(self.kind.shape) == 3:
            value = self._picture(value)
        return self.kind.check(self.column, value[None])[0]

    def _picture(self, image: np.ndarray) -> np.ndarray:
        from PIL import Image as Pillow

        image, shape = image * np.uint8(self.gain), tuple(self.kind.shape)
        if image.shape == shape:
            return image
        kind = self.resize if self.kind.coloured else self.resize and "nearest"
        pixels = image[..., 0] if image.shape[-1] == 1 else image
        height, width, channels = shape
        return fitted(Pillow.fromarray(pixels), (height, width, channels), kind)


@dataclass(frozen=True)
class Examples:
    """A reader of one TFDS split; pictures that no column needs are not decoded."""

    source: Any
    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i) -> dict[str, np.ndarray]:
        example = self.source[int(i)]
        return {feature.column: feature.stored(example) for feature in self.features}

    def only(self, names: Collection[str]) -> "Examples":
        """These columns of it."""
        features = tuple(f for f in self.features if f.column in names)
        wanted = {path for feature in features for path in feature.paths}
        skipped = _undecoded(self.source.dataset_info.features, wanted)
        return Examples(replace(self.source, decoders=skipped), features)


def columns_of(
    name: str,
    features,
    wanted: Mapping[str, str],
    kinds: Mapping[str, Column],
    shape: tuple[int, int, int] | None,
    resize: str | None,
) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """The columns `wanted` of the set `name`, each from the feature that it names; and those whose
    range is still to be found, by `ranged`.

    Raises ConfigError for a feature that is not there, and for one of no known kind.
    """
    shape, made, unknown = checked(shape, resize), [], []
    for column, path in wanted.items():
        feature = _feature(name, features, path)
        group = tuple(sorted(feature)) if _is_group(feature) else ()
        kind = kinds.get(column)
        if group or _is_numbers(feature):
            paths = tuple(f"{path}/{one}" for one in group) or (path,)
            if kind is None:
                kind, known = _numbers(name, path, feature)
                unknown += [] if known else [column]
        else:
            paths, size = (path,), shape if column == "image" else shape and shape[:2]
            kind = _kind(name, path, feature, kind, size, resize)
        made.append(Feature(column, paths, kind, resize))
    return tuple(made), tuple(unknown)


def ranged(reader: Examples, unknown: Collection[str]) -> tuple[Feature, ...]:
    """The reader's features, those of numbers named `unknown` with the smallest and the largest
    value of its first RANGE examples as their range.
    """
    if not unknown:
        return reader.features
    part = reader.only(unknown)
    found: dict[str, list] = {feature.column: [] for feature in part.features}
    for i in range(min(RANGE, len(part))):
        example = part.source[i]
        for feature in part.features:
            found[feature.column].append(feature.raw(example))

    def measured(feature: Feature) -> Feature:
        if feature.column not in unknown:
            return feature
        values = feature.kind.check(feature.column, np.stack(found[feature.column]))
        low, high = values.min(axis=0), values.max(axis=0)
        high = np.where(high > low, high, low + 1)
        kind = Numbers(
            getattr(feature.kind, "names", ()), tuple(low.tolist()), tuple(high.tolist())
        )
        return replace(feature, kind=kind)

    return tuple(map(measured, reader.features))


def inner(tree, path: str):
    """`tree["a/b"]`, or else `tree["a"]["b"]`."""
    if path in tree:
        return tree[path]
    first, _, rest = path.partition("/")
    return inner(tree[first], rest)


def _feature(name: str, features, path: str):
    try:
        return inner(features, path)
    except (KeyError, TypeError):
        hint = did_you_mean(path, features) or f"; it has {', '.join(features)}"
        raise ConfigError(f"{name} has no feature {path!r}{hint}") from None


def _is_group(feature) -> bool:
    return hasattr(type(feature), "items")  # of a Sequence the instance passes on what is within


def _is_numbers(feature) -> bool:
    if getattr(feature, "num_classes", None) is not None:
        return False
    shape = getattr(feature, "shape", None) or ()
    return _dtype(feature).kind in "fiu" and len(shape) < 2 and None not in shape


def _dtype(feature) -> np.dtype:
    """Of one feature; object for a group."""
    return np.dtype(object if _is_group(feature) else getattr(feature, "np_dtype", None) or object)


def _numbers(name: str, path: str, feature) -> tuple[Numbers, bool]:
    """The kind of a number, a vector of D or a group of both yes or no and numbers; and whether its
    range is known: 0 to 1 where all are yes or no.
    """
    if not _is_group(feature):
        size = feature.shape[0] if feature.shape else 1
        names = tuple(f"{path}/{i}" for i in range(size)) if feature.shape else (path,)
        return Numbers(names, (0.0,) * size, (1.0,) * size), False
    names = tuple(sorted(feature))
    kinds = {one: _dtype(feature[one]).kind for one in names}
    for one in names:
        if not (kinds[one] == "b" or _is_numbers(feature[one])) or feature[one].shape:
            raise ConfigError(
                f"{name}: the group {path!r} holds {one!r}, {_line(feature[one])}: a group is one "
                "column where all in it are numbers or yes or no; name single ones, as "
                f"{path + '/' + names[0]!r}"
            )
    numbers = Numbers(names, (0.0,) * len(names), (1.0,) * len(names))
    return numbers, set(kinds.values()) == {"b"}


def _kind(name: str, path: str, feature, kind: Column | None, size, resize: str | None) -> Column:
    """Of what is no number: as given, an image, or a label."""
    own = tuple(getattr(feature, "shape", None) or ())
    if len(own) == 3 and feature.np_dtype == np.uint8:  # `dtype` would import TensorFlow
        if kind and len(kind.shape) != 3:
            return kind
        shape = tuple(kind.shape) if kind else size and (*size, own[2])[:3]
        shape = _shape(name, path, own, shape, resize)
        return kind or Image(shape)
    return kind or Label(classes(name, path, feature))


def _shape(name: str, path: str, own: tuple, shape, resize: str | None) -> tuple[int, int, int]:
    which = "" if path == "image" else f" in {path!r}"
    if shape is None and None in own:
        raise ConfigError(
            f"{name} has images of many sizes{which}; give shape=(64, 64, {own[2]}) and "
            "resize='bicubic'"
        )
    if shape is not None and resize is None and shape[:2] != own[:2]:
        raise ConfigError(f"{name} has images {own}{which}, not {shape}; give resize='bicubic' too")
    return shape or own


def classes(name: str, path: str, feature) -> tuple[str, ...]:
    """The names of a feature's classes; their numbers where the set does not name them.

    Raises ConfigError for a feature that is no class.
    """
    count = getattr(feature, "num_classes", None)
    if count is None and getattr(feature, "np_dtype", None) == np.bool_:
        return ("no", "yes")
    if count is None:
        raise ConfigError(
            f"{name}: {path!r} is {_line(feature)}, neither class nor yes or no, neither image nor "
            "number: choose another, or give its kind, kinds={...}"
        )
    return tuple(feature.names or map(str, range(count)))


def _undecoded(features, wanted: Collection[str], above: str = "") -> dict[str, Any]:
    """Decoders that leave the pictures that are not `wanted` as they are."""
    from tensorflow_datasets import decode

    found: dict[str, Any] = {}
    for name, feature in features.items():
        path = f"{above}{name}"
        if _is_group(feature):
            found |= {name: _undecoded(feature, wanted, f"{path}/")}
        elif len(feature.shape or ()) == 3 and path not in wanted:
            found[name] = decode.SkipDecoding()
    return {name: decoder for name, decoder in found.items() if decoder}


def _line(feature) -> str:
    return " ".join(str(feature).split())[:200]
