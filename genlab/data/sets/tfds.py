"""TensorFlow Datasets, read by index from ArrayRecord files, without TensorFlow."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Image, Label
from genlab.data.decoding import checked, fitted
from genlab.data.sets.folder import carved
from genlab.data.sources import Source, from_readers

PROBE = 16  # images looked at to tell 0/1 pixels from 0..255


def tfds(
    name: str,
    image: str = "image",
    label: str | None = "label",
    data_dir: str | None = None,
    shape: tuple[int, int, int] | None = None,
    resize: str | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    splits: Mapping[str, str] | None = None,
    augment: tuple = (),
) -> Source:
    """A prepared TFDS set such as "cifar10", "celeb_a" or "emnist/letters:3.1.0".

    image, label: features of the set, inner ones as "attributes/Male"; no labels if label is None,
                  or if the set has no "label"
    shape:        (H, W, C), if it should be another than the set's; then `resize` is needed too,
                  a Pillow filter such as "bicubic", after a central cut to the aspect
    validation, test: shares of train, cut off its end, for splits that the set does not have
    splits:       instead, what to read: {"train": "train[:90%]", "test": "test"}

    ConfigError, before anything is read, if the set is not prepared (it says how), has images of
    many sizes and no `resize`, or has no such feature.
    """
    made = builder(name, data_dir)
    if not made.info.splits:
        where = f" --data_dir {data_dir}" if data_dir else ""
        raise ConfigError(
            f"{name} is not prepared in {made.data_path}; run: genlab prepare tfds:{name}{where}"
        )
    features = made.info.features
    label = None if label == "label" and label not in features else label
    shape = _shape(name, image, _feature(name, features, image), shape, resize)
    columns: dict[str, Column] = {"image": Image(shape)}
    if label:
        columns["label"] = Label(_classes(name, label, _feature(name, features, label)))
    counts = {split: info.num_examples for split, info in made.info.splits.items()}
    readers = {}
    for split, part in (splits or _parts(name, counts, validation, test)).items():
        try:
            readers[split] = Examples(made.as_data_source(part), image, label, shape, resize)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{name}: splits: {split}={part!r}: {_line(error)}") from None
    return from_readers(_full_range(name, readers), columns, augment)


def builder(name: str, data_dir: str | None = None):
    """The TFDS builder of `name`, prepared or not; ConfigError for an unknown name or format."""
    import tensorflow_datasets

    try:
        return tensorflow_datasets.builder(name, data_dir=data_dir, file_format="array_record")
    except tensorflow_datasets.core.registered.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)  # needs no network
        hint = did_you_mean(name, known)
        raise ConfigError(f"TFDS has no set {name!r}{hint}") from None
    except ValueError as error:
        if "File format is already set" in str(error):
            raise ConfigError(
                f"{name} was prepared in another format, which cannot be read by index; remove it "
                f"or give another data_dir, then run: genlab prepare tfds:{name}"
            ) from None
        raise ConfigError(f"{name}: {_line(error)}") from None


@dataclass(frozen=True)
class Examples:
    """A reader of one TFDS split; `gain` brings pixels of 0 and 1 to 0 and 255."""

    source: Sequence
    image: str
    label: str | None
    shape: tuple[int, int, int]
    resize: str | None = None
    gain: int = 1

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i) -> dict[str, Any]:
        example = self.source[int(i)]
        image = _inner(example, self.image) * np.uint8(self.gain)
        if image.shape != self.shape:
            image = _fitted(image, self.shape, self.resize)
        if self.label is None:
            return {"image": image}
        return {"image": image, "label": int(_inner(example, self.label))}


def _parts(name: str, counts: Mapping[str, int], validation: float, test: float) -> dict[str, str]:
    if "train" not in counts:
        raise ConfigError(
            f"{name} has no split train but {', '.join(counts)}; give splits={{'train': ...}}"
        )
    own = {split: split for split in ("validation", "test") if counts.get(split)}
    shares = {"validation": validation, "test": test}
    cuts = carved(counts["train"], {s: share for s, share in shares.items() if s not in own})
    return {split: f"train[{start}:{stop}]" for split, (start, stop) in cuts.items()} | own


def _feature(name: str, features, path: str):
    try:
        return _inner(features, path)
    except (KeyError, TypeError):
        hint = did_you_mean(path, features) or f"; it has {', '.join(features)}"
        raise ConfigError(f"{name} has no feature {path!r}{hint}") from None


def _shape(name: str, image: str, feature, shape, resize: str | None) -> tuple[int, int, int]:
    own, shape = tuple(feature.shape or ()), checked(shape, resize)
    if len(own) != 3 or feature.np_dtype != np.uint8:  # `dtype` would import TensorFlow
        raise ConfigError(f"{name}: {image!r} is {feature}, no uint8 image [H, W, C]")
    if shape is None and None in own:
        raise ConfigError(
            f"{name} has images of many sizes; give shape=(64, 64, {own[2]}) and resize='bicubic'"
        )
    if shape is not None and resize is None and shape[:2] != own[:2]:
        raise ConfigError(f"{name} has images {own}, not {shape}; give resize='bicubic' too")
    return shape or own


def _classes(name: str, label: str, feature) -> tuple[str, ...]:
    """The names of a feature's classes; their numbers where the set does not name them."""
    count = getattr(feature, "num_classes", None)
    if count is None and getattr(feature, "np_dtype", None) == np.bool_:
        return ("no", "yes")
    if count is None:
        raise ConfigError(
            f"{name}: {label!r} is {feature}, neither class nor yes or no: choose another label"
        )
    return tuple(feature.names or map(str, range(count)))


def _full_range(name: str, readers: dict[str, Examples]) -> dict[str, Examples]:
    """The readers, brightened if black and white are stored as 0 and 1, as dsprites has them."""
    reader = next(iter(readers.values()))
    peak = max(int(reader[i]["image"].max()) for i in range(min(PROBE, len(reader))))
    if peak != 1:
        return readers
    logging.getLogger("genlab").warning("%s stores pixels as 0 and 1: read as 0 and 255", name)
    return {split: replace(reader, gain=255) for split, reader in readers.items()}


def _inner(tree, path: str):
    """`tree["a/b"]`, or else `tree["a"]["b"]`."""
    if path in tree:
        return tree[path]
    first, _, rest = path.partition("/")
    return _inner(tree[first], rest)


def _fitted(image: np.ndarray, shape: tuple[int, int, int], resize: str | None) -> np.ndarray:
    from PIL import Image

    return fitted(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), shape, resize)


def _line(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else error).split())[:300]
