"""A kind of column and a method in a user's folder, of which genlab knows nothing: trained and
sampled without an edit anywhere else.
"""

import sys

import jax
import numpy as np
import pytest

from genlab.api import fit
from genlab.config.files import load
from genlab.sampling.draw import SampleRequest, generate

KIND = '''
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from genlab.data import pictures


@dataclass(frozen=True)
class Phase:
    """An angle: stored in radians, float32 [], to networks as (cos, sin)."""

    shape: tuple = (2,)
    stored: tuple = ()
    registers: bool = False
    coloured: bool = False
    cycle: int = 0

    def check(self, name, values):
        return np.asarray(values, np.float32)

    def load(self, values):
        return jnp.stack([jnp.cos(values), jnp.sin(values)], axis=-1)

    def store(self, values):
        return np.arctan2(values[:, 1], values[:, 0]).astype(np.float32)

    def draw(self, values, columns=None):
        return pictures.grid(pictures.texts([f"{x:.2f}" for x in values]), columns)

    def write(self, value, path):
        file = path.with_name(f"{path.name}.txt")
        file.write_text(f"{value:.6f}")
        return file

    def spread(self, position, count):
        return np.float32(2 * np.pi / count) * position.astype(np.float32)

    def parse(self, text):
        return np.float32(text)
'''

METHOD = """
from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax import random

from genlab.game import Player, apply, conditions, fresh


@dataclass(frozen=True)
class Autoencoder:
    encoder: nn.Module
    decoder: nn.Module
    makes: str = "image"
    given: tuple = ()

    def init(self, key, batch):
        x, cond = batch[self.makes], conditions(batch, self.given)
        first = fresh(self.encoder, "encoder", random.fold_in(key, 0), x, cond)
        z = self.latents(key, len(x))
        second = fresh(self.decoder, "decoder", random.fold_in(key, 1), z, cond)
        return {**first[0], **second[0]}, {**first[1], **second[1]}

    def players(self):
        return {"autoencoder": Player(self.loss, owns=("encoder", "decoder"))}

    def loss(self, params, stats, batch, key, step):
        x, cond = batch[self.makes], conditions(batch, self.given)
        (z, _), stats = apply(self.encoder, "encoder", params, stats, x, cond)
        y, stats = apply(self.decoder, "decoder", params, stats, z, cond)
        error = jnp.square(y - x).mean()
        return error, (stats, {"error": error})

    def latents(self, key, n):
        return random.normal(key, (n, self.encoder.latent))

    def generate(self, params, stats, z, cond=None):
        return apply(self.decoder, "decoder", params, stats, z, cond, train=False)[0]
"""

DATA = '''
import numpy as np

from genlab.data import digits, from_columns


def turned(kind):
    """Digits, each with an angle."""
    image = digits().read("train")["image"][:64]
    angle = np.linspace(0, 6, len(image))
    return from_columns({"image": image, "angle": angle}, {"angle": kind}, validation=8)
'''

EXPERIMENT = """
import optax
from autoencoder import Autoencoder
from phase import Phase
from turned_digits import turned

from genlab import Experiment, Loop, spec
from genlab.nets import Decoder, Encoder, mlp


def config():
    return spec(
        Experiment,
        method=spec(
            Autoencoder,
            spec(Encoder, spec(mlp.Down, (8,)), latent=3),
            spec(Decoder, spec(mlp.Up, (8, 8, 1), (8,))),
            given=("angle",),
        ),
        data=spec(turned, spec(Phase)),
        optim={"autoencoder": spec(optax.sgd, 0.1)},
        batch_size=8,
        loop=spec(Loop, 2, 2, sample_every=2, log_every=1, devices=1),
    )
"""

FILES = {"phase": KIND, "autoencoder": METHOD, "turned_digits": DATA, "experiment": EXPERIMENT}


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """The user's folder; what was imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    yield folder
    for name in FILES:
        sys.modules.pop(name, None)


def test_a_kind_and_a_method_of_a_users_own_are_trained_and_sampled(theirs, tmp_path):
    run = tmp_path / "run"
    config = load(theirs / "experiment.py").config()
    assert config.data.kind.call == "phase:Phase"
    state = fit(config, run)
    assert int(state.step) == 2
    widths = {leaf.shape[0] for leaf in jax.tree.leaves(state.params["decoder"])}
    assert 2 in widths  # the angle as (cos, sin)
    assert list((run / "samples").glob("*.png"))

    def drawn(**given):
        request = SampleRequest(n=4, given=given, formats=("npz",))
        with np.load(generate(run, request)[0]) as file:
            return file[file.files[0]]

    whole = drawn(angle="0.5")
    assert whole.shape == (4, 8, 8, 1) and whole.dtype == np.uint8
    np.testing.assert_array_equal(whole, drawn(angle="0.5"))
    round_again = drawn(angle=str(0.5 + 2 * np.pi))
    assert np.abs(whole.astype(int) - round_again).max() <= 1  # the angle in float32
    assert not np.array_equal(whole, drawn(angle="2.5"))
