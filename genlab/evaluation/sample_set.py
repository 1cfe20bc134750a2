"""`SampleSet`: one of two sets of images that are compared, with its features computed once.

A comparison is a function `(real: SampleSet, fake: SampleSet, **settings) -> {score: value}`. It
declares by `needs` what it takes from the sets apart from features, so that a set without it is
refused before anything is computed, and by `settles` which settings depend on the sets, so that the
protocol records the values used.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.features.space import BATCH, GIVEN, FeatureSpace
from genlab.metrics.frechet import Moments, moments

# What a comparison may need that no network gives.
BESIDE_TAPS = ("images", "labels", "train", "known_train")


def needs(*what: str) -> Callable[[Callable], Callable]:
    """Declares what a comparison takes from its sets: names of taps, "images", "labels", "train",
    and "known_train" where it uses `train` only if it is known.

    Without it a comparison takes the tap "features".
    """

    def noted(comparison: Callable) -> Callable:
        comparison.needs = what  # pyright: ignore[reportFunctionMemberAccess]
        return comparison

    return noted


def settles(used: Callable[..., dict[str, Any]]) -> Callable[[Callable], Callable]:
    """Declares which settings depend on the data: `used`, called with the arguments of the
    comparison, returns by name the values that take the place of those asked for. It is idempotent.
    """

    def noted(comparison: Callable) -> Callable:
        comparison.settled = used  # pyright: ignore[reportFunctionMemberAccess]
        return comparison

    return noted


def gives(*scores: str) -> Callable[[Callable], Callable]:
    """Declares the names of the scores a comparison gives, "swd_*" for a family, so that a config
    that names another is refused before anything is trained.
    """

    def noted(comparison: Callable) -> Callable:
        comparison.gives = scores  # pyright: ignore[reportFunctionMemberAccess]
        return comparison

    return noted


class SampleSet:
    """One set.

    images: uint8 [N, H, W, C], or anything of a length whose slices and rows are such arrays
    labels: integers [N], or None
    train:  the SampleSet of what the model was trained on, where it is known
    keep:   the taps to keep of the one pass over the images
    seen:   called with the number of images of each batch that passes the network
    """

    def __init__(
        self,
        images: Any,
        space: FeatureSpace,
        labels: np.ndarray | None = None,
        train: "SampleSet | None" = None,
        keep: Iterable[str] = ("features",),
        seen: Callable[[int], None] | None = None,
    ):
        self.images, self.space, self.labels, self.train = images, space, labels, train
        self.keep, self.seen = tuple(keep), seen

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def taps(self) -> dict[str, np.ndarray]:
        """The kept taps of all images, [N, ...] by name, a batch at a time.

        ConfigError for a space that does not give a row for each image.
        """
        if self.space is GIVEN:
            return {"features": np.asarray(self.images[:])}
        found: dict[str, np.ndarray] = {}
        digest = hashlib.sha256()
        for start, images in self._batches():
            part = self.space.taps(images)
            for name in self.keep:
                rows = np.asarray(part[name])
                if rows.shape[:1] != (len(images),):
                    raise ConfigError(
                        f"the feature space {self.space.protocol.get('features', 'this')!r} gave "
                        f"{name!r} of shape {rows.shape} for {len(images)} images; expected one "
                        "row for each: do not drop, pool or pad images"
                    )
                whole = found.setdefault(name, np.empty((len(self), *rows.shape[1:]), rows.dtype))
                whole[start : start + len(rows)] = rows
            digest.update(np.ascontiguousarray(images).data)
            if self.seen:
                self.seen(len(images))
        self.sha256 = self._signed(digest)
        return found

    @cached_property
    def sha256(self) -> str:
        """Of the images and their labels; it comes with the pass over them, where there was one."""
        digest = hashlib.sha256()
        for _, images in self._batches():
            digest.update(np.ascontiguousarray(images).data)
        return self._signed(digest)

    def _batches(self) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(self), BATCH):
            yield start, np.asarray(self.images[start : start + BATCH])

    def _signed(self, digest: Any) -> str:
        digest.update(repr((len(self), self.shape)).encode())
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels, np.int64))
        return digest.hexdigest()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, (H, W, C)."""
        return np.asarray(self.images[:1]).shape[1:]

    @property
    def features(self) -> np.ndarray:
        """The tap "features", [N, D]."""
        return self.taps["features"]

    @cached_property
    def moments(self) -> Moments:
        """Of the features: a real set's are made once, however many draws it is compared with."""
        return moments(self.features)

    @property
    def pictures(self) -> np.ndarray:
        """All images as one array, uint8 [N, H, W, C]: for comparisons that need "images"."""
        return np.asarray(self.images[:])

    def rows(self, at: np.ndarray | slice) -> "SampleSet":
        """A part of this side; what was computed of the whole is not computed again."""
        labels = None if self.labels is None else self.labels[at]
        if "taps" not in vars(self):
            return SampleSet(
                _Rows(self.images, at), self.space, labels, self.train, self.keep, self.seen
            )
        part = SampleSet(_Rows(self.images, at), self.space, labels, self.train, self.keep)
        part.taps = {name: tap[at] for name, tap in self.taps.items()}
        return part


def check_alike(sides: Mapping[str, SampleSet]) -> None:
    """ConfigError unless the sides, by name, hold images of one shape, and labels one for each."""
    first, *_ = sides
    for name, side in sides.items():
        if not len(side):
            raise ConfigError(f"the {name} set is empty: give at least a few hundred images")
        if side.shape != sides[first].shape:
            raise ConfigError(
                f"the {first} set is of shape {shape_text(sides[first].shape)} and the {name} set "
                f"of {shape_text(side.shape)}: bring all to one size and one number of channels"
            )
        if side.labels is not None and np.shape(side.labels) != (len(side),):
            raise ConfigError(
                f"the {name} set has {len(side)} images and labels of shape "
                f"{np.shape(side.labels)}; expected one integer for each, in the order of the "
                "images"
            )


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as text, "32x32x3"."""
    return "x".join(map(str, shape))


class _Rows:
    """Some rows of images, read when asked for."""

    def __init__(self, images: Any, at: np.ndarray | slice):
        self.images, self.at = images, np.arange(len(images))[at]

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, part):
        return self.images[self.at[part]]


def lacking(wanted: Iterable[str], real: SampleSet, fake_labels: bool) -> dict[str, str]:
    """Of the things `wanted` those that cannot be had, each with the reason."""
    wanted = set(wanted)
    reasons = {}
    if "labels" in wanted and (real.labels is None or not fake_labels):
        which = "real images" if real.labels is None else "samples"
        reasons["labels"] = f"the {which} have no labels"
    if "train" in wanted and real.train is None:
        reasons["train"] = "it is not known which images the model was trained on"
    if {"labels", "known_train"} <= wanted and real.train is not None and real.train.labels is None:
        reasons["known_train"] = "the images that the model was trained on have no labels"
    taps = wanted - {*BESIDE_TAPS, "features"}
    if taps:
        offered = real.space.taps(np.asarray(real.images[:1]))
        name = real.space.protocol.get("features", "this")
        why = f"the feature space {name!r} gives {', '.join(offered)} alone"
        reasons |= {tap: why for tap in sorted(taps - set(offered))}
    return reasons


def refuse(comparison: str, missing: dict[str, str]) -> None:
    """ConfigError that says why a comparison cannot be made, where anything is `missing`."""
    if missing:
        reasons = "; ".join(f"{what!r}: {why}" for what, why in missing.items())
        raise ConfigError(
            f"the score {comparison!r} needs {reasons}: leave it out, or give it that"
        )
