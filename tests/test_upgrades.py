"""Configs of older run folders are read as today's, and are the same run."""

import json

import optax
import pytest

from genlab import config as config_lib
from genlab import spec
from genlab.augment import instance_noise
from genlab.config.upgrades import upgraded
from genlab.methods import GAN
from genlab.methods.gan import options
from genlab.nets import Discriminator, Generator, mlp
from genlab.runs.identity import identity


def gan(**fields):
    """A GAN's config as it is written today, as plain data."""
    generator = spec(Generator, spec(mlp.Up, (2,), (8,)))
    return config_lib.as_dict(spec(GAN, generator, spec(Discriminator, spec(mlp.Down)), **fields))


DEFAULTS = {
    "views": [],
    "pack": 1,
    "pool": 0,
    "smoothing": None,
    "top": None,
    "latent_step": None,
    "generator_batch": 1,
}


def former(**fields):
    """The same GAN as it was written when its options were fields, and `augment` called `views`."""
    today = gan()
    del today["augment"], today["options"]
    return {**today, **DEFAULTS, **fields}


NOISE = {"call": "genlab.views:instance_noise", "std": 0.1}
STEP = {"call": "genlab.methods.between:latent_step", "rate": 0.5, "damping": 5.0}
FALLING = spec(optax.linear_schedule, 1.0, 0.5, 10)
FLAGS = {
    "latent_step": STEP,
    "top": config_lib.as_dict(FALLING),
    "smoothing": 0.1,
    "pack": 2,
    "pool": 32,
    "generator_batch": 2,
}
OPTIONS = (
    spec(options.generator_batch, 2),
    spec(options.pooled, 32),
    spec(options.packed, 2),
    spec(options.smoothed, 0.1),
    spec(options.top, FALLING),
    spec(options.latent_step, 0.5),
)
OWN = {"call": "elsewhere:step"}


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ({}, {}),
        ({"views": [NOISE]}, {"augment": (spec(instance_noise, 0.1),)}),
        (FLAGS, {"options": OPTIONS}),
        (
            {"latent_step": OWN},
            {"options": ({"call": "genlab.methods.gan.options:improved", "by": OWN},)},
        ),
    ],
)
def test_what_a_gan_was_given_is_found_under_its_present_name(before, today, tmp_path):
    assert upgraded(former(**before)) == gan(**today)
    assert upgraded(gan(**today)) == gan(**today)
    (tmp_path / "config.json").write_text(json.dumps(former(**before)))
    read = config_lib.read(tmp_path / "config.json")
    assert config_lib.fingerprint(read) == config_lib.fingerprint(gan(**today))


def test_an_experiment_that_recalibrated_is_read_under_the_field_s_present_name():
    """And is the same run: how BatchNorm is recalibrated may change on resume."""
    before = {"call": "genlab:Experiment", "method": gan(), "standing": 16, "seed": 3}
    after = upgraded(before)
    assert after == {**upgraded({**before, "standing": 0}), "recalibrate": 16}
    assert "standing" not in after and "recalibrate" not in identity(after)


def own(rate: float, width: int = 8):
    """A user's own call; `width` came after some run was started."""
    return rate, width


def test_defaults_that_came_later_are_filled_in_for_whoever_reads_the_config():
    """Those of a user's module too, once it is imported; none is imported for it."""
    before = config_lib.as_dict(spec(own, 0.1))
    del before["width"]
    assert config_lib.from_dict(before) == spec(own, 0.1)
    elsewhere = {"call": "not_imported_here:own", "rate": 0.1}
    assert config_lib.as_dict(config_lib.from_dict(elsewhere)) == elsewhere
    wrong = {"call": "genlab.metrics.modes:__all__"}  # is told when it is built
    assert config_lib.as_dict(config_lib.from_dict(wrong)) == wrong
