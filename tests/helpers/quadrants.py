"""Pictures whose factors can be read off exactly, and models of known control over them."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import PIL.Image
from jax import random

from genlab.config import spec
from genlab.data import Split, Table, folder
from genlab.data.columns import Image, Label, Numbers
from genlab.data.sources import Resident
from genlab.evaluation import EvaluationContext
from genlab.features.factors import FactorReader

KINDS = {
    "image": Image((4, 4, 1)),
    "place": Label(("left", "right", "low")),
    "level": Numbers(("level",), (0.0,), (1.0,)),
    "spot": Numbers(("spot",), (0.0,), (1.0,)),
}
"""`place`: the row of pixels that is bright, by the `level`; the pixel (3, 3) has the `spot`."""


def drawn(place, level, spot, xp=np):
    """float [N, 4, 4, 1] in 0 .. 1: row `place` of the first three columns, and the last pixel."""
    rows = (xp.arange(3)[None] == place[:, None]) * (0.2 + 0.6 * level[:, None])
    image = xp.concatenate([rows, xp.zeros((len(place), 1))], 1)[:, :, None]
    image = xp.broadcast_to(image, (len(place), 4, 3))
    last = xp.stack([xp.zeros_like(spot)] * 3 + [spot], 1)[:, :, None]
    return xp.concatenate([image, last], 2)[..., None]


def decoded(images):
    """The factors of such pictures, uint8, as stored."""
    x = np.asarray(images)[..., 0] / 255.0
    rows = x[:, :3, :3].mean(2)
    return {
        "place": rows.argmax(1).astype(np.int32),
        "level": ((rows.max(1, keepdims=True) - 0.2) / 0.6).astype(np.float32),
        "spot": x[:, 3, 3, None].astype(np.float32),
    }


class Known(Resident):
    """A set that knows its answers."""

    def decode(self, images):
        """Exactly, but for 8 bits."""
        return decoded(images)


def source(kind=Resident, n=400, gap=None):
    """Factors drawn evenly; `gap`: levels that the train split leaves out."""
    splits = {}
    for seed, split in enumerate(("train", "test")):
        rng = np.random.default_rng(seed)
        place, level, spot = rng.integers(3, size=n), rng.uniform(size=n), rng.uniform(size=n)
        if gap and split == "train":
            inside = (gap[0] < level) & (level < gap[1])
            level[inside] = rng.uniform(0, gap[0], inside.sum())
        image = np.rint(255 * drawn(place, level, spot)).astype(np.uint8)
        stored = {"place": place, "level": level[:, None], "spot": spot[:, None]}
        stored = {name: KINDS[name].check(name, x) for name, x in stored.items()}
        splits[split] = {"image": image, **stored}
    return kind(splits, KINDS)


@dataclasses.dataclass(frozen=True)
class Painter:
    """A generator that draws what it is asked: `level` as `level_of` makes of it, any `place` with
    `obeys`=False, the one `shift` places on, a spot of its latents, moved by `leak` a place.
    """

    level_of: object = staticmethod(lambda level: level)
    obeys: bool = True
    leak: float = 0.0
    shift: int = 0
    makes: str = "image"
    given: tuple = ("place", "level")

    def latents(self, key, n):
        return np.asarray(random.uniform(key, (n, 3)))  # whose slices are no programs

    def generate(self, params, stats, z, cond=None):
        own = jnp.floor(3 * z[:, 0])
        place = (cond["place"].argmax(-1) + self.shift) % 3 if self.obeys else own
        level = self.level_of((cond["level"][:, 0] + 1) / 2) if self.obeys else z[:, 1]
        spot = (z[:, 2] + self.leak * place) % 1.0
        return 2 * drawn(place, level, spot, jnp) - 1


class Exact:
    """In place of `features.Factors`: reads exactly, with no training; `wrong` every so many labels
    and `noise` on numbers.
    """

    def __init__(self, wrong=0, noise=0.0):
        self.wrong, self.noise = wrong, noise
        self.protocol = {"reader": "exact"}

    def kinds(self, source):
        return {name: kind for name, kind in source.columns.items() if name != "image"}

    def reader(self, config, source, image):
        rng = np.random.default_rng(7)

        def taps(images):
            found = decoded(images)
            if self.wrong:
                found["place"][:: self.wrong] = (found["place"][:: self.wrong] + 1) % 3
            found["level"] = found["level"] + rng.normal(0, self.noise, found["level"].shape)
            place = np.eye(3)[found["place"]]
            numbers = {f"column {n}": 2 * found[n] - 1 for n in ("level", "spot")}
            flat = images.reshape(len(images), -1) / 255.0
            return {"features": flat, "column place": place, **numbers}

        return FactorReader(self.kinds(source), taps, {"reader_sha256": "0" * 64})


def context(model, data=None):
    """An evaluation of such a model."""
    data = data or source()
    return EvaluationContext({"data": {}}, model, data, {}, {}, "test", random.key(0))


PLACES = ("left", "middle", "right")


def as_folder(place, n=40):
    """Such pictures as files of a folder, and a table of what is in them: both numbers go from 0 to
    1 in it.
    """
    rng = np.random.default_rng(5)
    where, level, spot = rng.integers(3, size=n), *np.round(rng.uniform(size=(2, n)), 4)
    level[:2] = spot[:2] = (0.0, 1.0)
    pixels = np.rint(255 * drawn(where, level, spot)).astype(np.uint8)
    lines = ["file,place,level,spot"]
    for i in range(n):
        PIL.Image.fromarray(pixels[i, ..., 0]).save(place / f"{i}.png")
        lines.append(f"{i}.png,{PLACES[where[i]]},{level[i]:.4f},{spot[i]:.4f}")
    (place / "attributes.csv").write_text("\n".join(lines) + "\n")
    table = spec(Table, file="attributes.csv", columns=("*",))
    return spec(folder, str(place), shape=(4, 4, 1), table=table, split=spec(Split, 0.0, 0.4))
