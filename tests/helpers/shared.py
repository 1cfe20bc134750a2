"""What several test files need: runs compared, checkpoints of a small state, sets of images."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random
from jax.sharding import SingleDeviceSharding
from metrics.golden import backbones as golden
from PIL import Image

from genlab import config as config_lib
from genlab.config import spec
from genlab.data import digits
from genlab.evaluation.evaluators import EvaluationContext
from genlab.features import backbones
from genlab.game import State
from genlab.runs.checkpoint import shapes
from genlab.runs.folder import RunFolder

REAL, FAKE = (digits().read(split)["image"][:80] for split in ("test", "validation"))
LABELS = digits().read("test")["label"][:80]


def leaves(state):
    """The arrays of a state, its key as numbers."""
    return [np.asarray(x) for x in jax.tree.leaves(state.replace(key=random.key_data(state.key)))]


def logged(folder):
    """Log rows without their clock."""
    rows = RunFolder(folder).rows("metrics.jsonl")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def state(step):
    """The state of a game of one small network after `step` rounds."""
    params = {"net": {"w": jnp.full((4, 4), step)}}
    return State(jnp.int32(step), random.key(step), params, {}, {}, {})


def like(value):
    """What to restore such a state into: its shapes on one device."""
    device = SingleDeviceSharding(jax.devices()[0])
    return shapes(value, jax.tree.map(lambda _: device, value))


def image_folder(path, images, suffix=".png", classes=None):
    """Image files in `path` as another program leaves them, perhaps in a folder a class."""
    for i, image in enumerate(images):
        place = path / f"class{classes[i]}" if classes is not None else path
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(place / f"{i:04d}{suffix}")
    return path


@dataclasses.dataclass(frozen=True)
class Table:
    """A model that generates row z[0] of a table."""

    rows: np.ndarray
    makes: str = "image"
    given: tuple = ()

    def latents(self, key, n):
        return jnp.arange(n)[:, None]

    def generate(self, params, stats, z, cond=None):
        return jnp.asarray(self.rows)[z[:, 0] % len(self.rows)]


def subject(rows, source=None, split="test"):
    """An evaluation of a model that generates these rows."""
    source = source or digits()
    config = {"data": config_lib.as_dict(spec(digits))}
    rows = rows / 127.5 - 1 if rows.dtype == np.uint8 else rows
    return EvaluationContext(config, Table(np.float32(rows)), source, {}, {}, split, random.key(0))


@pytest.fixture
def thin(monkeypatch, tmp_path):
    """A file of a thin VGG16, and the backbone taken to be as thin."""
    widths = iter(w for w in golden.WIDTHS if w != "M")
    convs = tuple(conv._replace(width=next(widths)) for conv in backbones.VGG16_CONVS.convs)
    monkeypatch.setattr(backbones, "VGG16_CONVS", backbones.VGG16_CONVS._replace(convs=convs))
    monkeypatch.setattr(backbones, "HIDDEN", golden.HIDDEN)
    monkeypatch.setattr(backbones, "CLASSES", golden.CLASSES)
    np.savez(tmp_path / "vgg16.npz", **golden.tensors())
    return str(tmp_path / "vgg16.npz")
