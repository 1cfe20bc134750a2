"""Configs of older run folders are read as today's, and are the same run."""

import json

import pytest

from genlab import config as config_lib
from genlab import spec
from genlab.augment import instance_noise
from genlab.config.upgrades import upgraded
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp


def gan(**fields):
    """A GAN's config as it is written today, as plain data."""
    generator = spec(Generator, spec(mlp.Up, (2,), (8,)))
    return config_lib.as_dict(spec(GAN, generator, spec(Discriminator, spec(mlp.Down)), **fields))


def former(**fields):
    """The same GAN as it was written when what is now in `augment` was called `views`."""
    today = gan()
    del today["augment"]
    return {**today, "views": [], **fields}


NOISE = {"call": "genlab.views:instance_noise", "std": 0.1}


@pytest.mark.parametrize(
    ("before", "today"),
    [({}, {}), ({"views": [NOISE]}, {"augment": (spec(instance_noise, 0.1),)})],
)
def test_what_a_gan_was_given_is_found_under_its_present_name(before, today, tmp_path):
    assert upgraded(former(**before)) == gan(**today)
    assert upgraded(gan(**today)) == gan(**today)
    (tmp_path / "config.json").write_text(json.dumps(former(**before)))
    read = config_lib.read(tmp_path / "config.json")
    assert config_lib.fingerprint(read) == config_lib.fingerprint(gan(**today))
