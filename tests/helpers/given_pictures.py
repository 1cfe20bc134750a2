"""Trained runs of small functions that make pictures of pictures, without a training."""

from types import SimpleNamespace

import jax.numpy as jnp

from genlab.data.columns import Image, Label, Mask
from genlab.sampling.load import TrainedRun

SHAPE = (4, 4, 3)
COLUMNS = {
    "image": Image(SHAPE), "masked": Image(SHAPE), "mask": Mask((4, 4, 1)), "style": Image(SHAPE),
    "label": Label(("dark", "light")),
}  # fmt: skip


class Filler:
    """Fills holes with what their picture has least of; elsewhere it would be wrong."""

    given, makes = ("masked", "mask"), "image"

    def latents(self, key, n):
        return jnp.zeros((n, 1))

    def generate(self, params, stats, z, cond=None):
        return -cond["masked"] * (0.5 + cond["mask"])


class Turner:
    """Two domains, there and back; and a picture under labels or in a style."""

    makes = "image"

    def __init__(self, given=()):
        self.given = given

    def translations(self):
        ways = (("image", "style"), ("style", "image"))
        return (("image", "image"),) if self.given else ways

    def translate(self, params, stats, x, to):
        if isinstance(to, str):
            return {"style": -x, "image": x / 2}[to]
        return (
            to["style"] if "style" in to else x * (2 * to["label"][:, 1] - 1)[:, None, None, None]
        )


def run(method, path="run"):
    """A trained run of a method."""
    folder = SimpleNamespace(path=path)
    weights = SimpleNamespace(step=3, chosen="last", params={}, stats={})
    made = TrainedRun(folder, None, SimpleNamespace(columns=COLUMNS), weights)
    vars(made).update(method=method, stats={})
    return made
