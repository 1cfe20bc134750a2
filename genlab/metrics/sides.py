"""`Side`: one of two sets of images that are compared, seen through a feature space once.

A comparison is a function `(real: Side, fake: Side, **settings) -> {score: value}`. What it asks of
the sides, beside features, it says by `needs`, so that it can be refused before anything is
computed.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.metrics.features.space import BATCH, FeatureSpace
from genlab.metrics.frechet import Moments, moments

# What a comparison may need that no network gives.
BESIDE_TAPS = ("images", "labels", "train", "known_train")


def needs(*what: str) -> Callable[[Callable], Callable]:
    """Says of a comparison what it asks of its sides: names of taps, "images", "labels", "train",
    and "known_train" for what makes use of `train` where it is known.

    Without it a comparison asks for the tap "features" alone.
    """

    def noted(comparison: Callable) -> Callable:
        comparison.needs = what
        return comparison

    return noted


class Side:
    """One set.

    images: uint8 [N, H, W, C], or anything of a length whose slices and rows are such arrays
    labels: integers [N], or None
    train:  the Side of what the model was trained on, where it is known
    keep:   the taps to keep of the one pass over the images
    seen:   told of images as they pass, by count
    """

    def __init__(
        self,
        images: Any,
        space: FeatureSpace,
        labels: np.ndarray | None = None,
        train: "Side | None" = None,
        keep: Iterable[str] = ("features",),
        seen: Callable[[int], None] | None = None,
    ):
        self.images, self.space, self.labels, self.train = images, space, labels, train
        self.keep, self.seen = tuple(keep), seen

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def taps(self) -> dict[str, np.ndarray]:
        """The kept taps of all images, [N, ...] by name, a batch at a time."""
        found: dict[str, np.ndarray] = {}
        for start in range(0, len(self), BATCH):
            images = np.asarray(self.images[start : start + BATCH])
            part = self.space.taps(images)
            for name in self.keep:
                rows = np.asarray(part[name])
                whole = found.setdefault(name, np.empty((len(self), *rows.shape[1:]), rows.dtype))
                whole[start : start + len(rows)] = rows
            if self.seen:
                self.seen(len(images))
        return found

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

    def rows(self, at: np.ndarray | slice) -> "Side":
        """A part of this side; what was computed of the whole is not computed again."""
        labels = None if self.labels is None else self.labels[at]
        if "taps" not in vars(self):
            return Side(
                _Rows(self.images, at), self.space, labels, self.train, self.keep, self.seen
            )
        part = Side(_Rows(self.images, at), self.space, labels, self.train, self.keep)
        part.taps = {name: tap[at] for name, tap in self.taps.items()}
        return part


class _Rows:
    """Some rows of images, read when asked for."""

    def __init__(self, images: Any, at: np.ndarray | slice):
        self.images, self.at = images, np.arange(len(images))[at]

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, part):
        return self.images[self.at[part]]


def lacking(wanted: Iterable[str], real: Side, fake_labels: bool) -> dict[str, str]:
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
        told = f"the feature space {name!r} gives {', '.join(offered)} alone"
        reasons |= {tap: told for tap in sorted(taps - set(offered))}
    return reasons


def refuse(comparison: str, missing: dict[str, str]) -> None:
    """ConfigError that says why a comparison cannot be made, where anything is `missing`."""
    if missing:
        told = "; ".join(f"{what!r}: {why}" for what, why in missing.items())
        raise ConfigError(f"the score {comparison!r} needs {told}: leave it out, or give it that")
