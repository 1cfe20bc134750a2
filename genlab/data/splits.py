"""Which split an image of a folder is in, where the folder does not say it."""

import hashlib
import logging
import unicodedata
from collections.abc import Mapping

import numpy as np

from genlab.config import ConfigError, choices
from genlab.data.layout import SPLITS, Item

RULES = ("name", "content", "position")


def divided(
    items: list[Item], shares: Mapping[str, float], seed: int, rule: str, where: str
) -> dict[str, list[Item]]:
    """Items by split, in an order that the seed fixes; `shares` of those in train go to splits that
    have none.

    rule: "name" draws each image by a hash of the seed and its own name, "content" by one of its
          pixels: no other image plays a part, so that adding one moves no other. "position" draws
          places in the sorted list, as versions before did: one more image redraws every split

    A split that the hash gives no image gets the nearest one, with a warning. ConfigError where
    nothing would be left to train on.
    """
    if rule not in RULES:
        raise ConfigError(f"Split.by={rule!r} is no way to split{choices(rule, RULES)}")
    if rule == "position":
        order = np.random.default_rng(seed).permutation(len(items))
        drawn, ordered = {}, [items[i] for i in order]
    else:
        drawn = {item.name: draw(item, seed, rule) for item in items}
        ordered = sorted(items, key=lambda item: (drawn[item.name], item.name))
    splits = {split: [item for item in ordered if item.split == split] for split in SPLITS}
    wanted = {split: share for split, share in shares.items() if not splits[split]}
    pool = splits["train"]
    sizes = carved(len(pool), wanted)
    if rule != "position":
        sizes = _by_share([drawn[item.name] for item in pool], wanted, where)
    return splits | {split: pool[start:stop] for split, (start, stop) in sizes.items()}


def draw(item: Item, seed: int, rule: str) -> float:
    """The place of an image in [0, 1), by a hash of the seed and its own name or pixels."""
    # One name is written in two ways: a file that was copied between systems stays where it is.
    own = unicodedata.normalize("NFC", item.name) if rule == "name" else item.pixels
    digest = hashlib.sha256(f"{seed}/{own}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _by_share(
    drawn: list[float], shares: Mapping[str, float], where: str
) -> dict[str, tuple[int, int]]:
    """Start and stop of each split in a list that is ordered by what was drawn: the first shares
    of [0, 1) are the held-out splits', in the order test, validation; the rest is train's.
    """
    found, start, edge = {}, 0, 0.0
    for split in reversed(list(shares)):
        edge += shares[split]
        stop = int(np.searchsorted(drawn, edge))
        if shares[split] and stop <= start:
            stop = start + 1
            logging.getLogger("genlab").warning(
                "%s: the hash draws none of %d images for %s=%g: it gets the nearest one, which "
                "another may replace when images are added; give more images or a larger share",
                where, len(drawn), split, shares[split],
            )  # fmt: skip
        found[split], start = (start, stop), stop
    if start >= len(drawn):
        raise _nothing_left(len(drawn), shares)
    return {"train": (start, len(drawn))} | {s: cut for s, cut in found.items() if cut[0] < cut[1]}


def carved(count: int, shares: Mapping[str, float]) -> dict[str, tuple[int, int]]:
    """Start and stop of train and of the splits cut off its end; at least one image each.

    ConfigError where nothing would be left to train on.
    """
    cuts, end = {}, count
    for split, share in shares.items():
        size = max(1, round(share * count)) if share else 0
        cuts[split], end = (end - size, end), end - size
    if end < 1 or min(shares.values(), default=0) < 0:
        raise _nothing_left(count, shares)
    return {"train": (0, end)} | {split: cut for split, cut in cuts.items() if cut[0] < cut[1]}


def _nothing_left(count: int, shares: Mapping[str, float]) -> ConfigError:
    told = " and ".join(f"{split}={share}" for split, share in shares.items())
    return ConfigError(f"of {count} images in train, {told or 'this'} leaves none to train on")
