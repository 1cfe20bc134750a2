"""TensorFlow Datasets, read by index from ArrayRecord files, without TensorFlow."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from genlab.config import ConfigError, did_you_mean
from genlab.data.columns import Column, Image, Label, given
from genlab.data.features import Examples, Feature, columns_of, ranged
from genlab.data.sources import Source, from_readers
from genlab.data.splits import carved

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
    columns: tuple[str, ...] = (),
    kinds: Mapping[str, Column] = {},
) -> Source:
    """A prepared TFDS set such as "cifar10", "celeb_a" or "emnist/letters:3.1.0".

    columns:      features of the set, each a column of its name, inner ones as "attributes/Male";
                  () for "image", and "label" where the set has one
    image, label: the features that the columns "image" and "label" are read from; no "label" if
                  None
    kinds:        of columns whose feature does not say it: kinds={"segmentation_mask": spec(Mask,
                  (64, 64, 1))}
    shape:        (H, W, C) of "image", if it should be another than the set's; then `resize` is
                  needed too, a Pillow filter such as "bicubic", after a central cut to the aspect.
                  Other pictures get H and W and keep their channels, or the shape of their kind;
                  what has no colours, as a mask, is resized by the nearest pixel
    validation, test: shares of train, cut off its end, for splits that the set does not have
    splits:       instead, what to read: {"train": "train[:90%]", "test": "test"}

    A picture is an Image, a class and a yes or no a Label, a number or a vector Numbers, and so is
    a whole group of numbers and yes or no, in the order of their names. The range of numbers is 0
    to 1 where all are yes or no, else the extremes of the first 10,000 examples of train.

    ConfigError, before anything is read, if the set is not prepared (it says how), has images of
    many sizes and no `resize`, or has no such feature.
    """
    made = builder(name, data_dir)
    if not made.info.splits:
        where = f" --data_dir {data_dir}" if data_dir else ""
        raise ConfigError(
            f"{name} is not prepared in {made.data_path}; run: genlab prepare tfds:{name}{where}"
        )
    own = made.info.features
    wanted = _wanted(columns, own, image, label)
    features, unknown = columns_of(name, own, wanted, given(kinds, wanted), shape, resize)
    _expect(name, {feature.column: feature for feature in features}, kinds)
    counts = {split: info.num_examples for split, info in made.info.splits.items()}
    readers = {}
    for split, part in (splits or _parts(name, counts, validation, test)).items():
        try:
            readers[split] = Examples(made.as_data_source(part), features).only(wanted)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{name}: splits: {split}={part!r}: {_line(error)}") from None
    first = readers.get("train") or next(iter(readers.values()))
    features = _full_range(name, replace(first, features=ranged(first, unknown)))
    readers = {split: replace(reader, features=features) for split, reader in readers.items()}
    return from_readers(readers, {f.column: f.kind for f in features}, augment)


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


def _parts(name: str, counts: Mapping[str, int], validation: float, test: float) -> dict[str, str]:
    if "train" not in counts:
        raise ConfigError(
            f"{name} has no split train but {', '.join(counts)}; give splits={{'train': ...}}"
        )
    own = {split: split for split in ("validation", "test") if counts.get(split)}
    shares = {"validation": validation, "test": test}
    cuts = carved(counts["train"], {s: share for s, share in shares.items() if s not in own})
    return {split: f"train[{start}:{stop}]" for split, (start, stop) in cuts.items()} | own


def _wanted(columns: tuple[str, ...], features, image: str, label: str | None) -> dict[str, str]:
    """The feature that each column is read from."""
    columns = (columns,) if isinstance(columns, str) else tuple(columns)
    if not columns:
        found = label is not None and (label != "label" or label in features)
        columns = ("image", "label") if found else ("image",)
    return {n: {"image": image, "label": label or "label"}.get(n, n) for n in columns}


def _expect(name: str, features: Mapping[str, Feature], kinds: Mapping[str, Column]) -> None:
    """ConfigError where "image" is no image or "label" no label, and no kind was given."""
    for column, kind, what in (
        ("image", Image, "no uint8 image [H, W, C]"),
        ("label", Label, "neither class nor yes or no: choose another label"),
    ):
        feature = features.get(column)
        if feature and column not in kinds and not isinstance(feature.kind, kind):
            raise ConfigError(f"{name}: {feature.paths[0]!r} is {feature.kind}, {what}")


def _full_range(name: str, reader: Examples) -> tuple[Feature, ...]:
    """The reader's features, images brightened if black and white are stored as 0 and 1, as
    dsprites has them.
    """
    images = [f.column for f in reader.features if isinstance(f.kind, Image)]
    part = reader.only(images)
    rows = [part[i] for i in range(min(PROBE, len(part)))]
    dark = [name for name in images if max(int(row[name].max()) for row in rows) == 1]
    if dark:
        logging.getLogger("genlab").warning("%s stores pixels as 0 and 1: read as 0 and 255", name)
    return tuple(replace(f, gain=255) if f.column in dark else f for f in reader.features)


def _line(error: Exception) -> str:
    return " ".join(str(error.args[0] if error.args else error).split())[:300]
