"""The experiment of what each score notices, with the spaces that need no training."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from genlab import spec
from genlab.features import RandomConv

FILE = Path(__file__).parents[2] / "experiments" / "metric_sanity" / "sanity.py"


@pytest.fixture(scope="module")
def sanity():
    found = importlib.util.spec_from_file_location("metric_sanity_experiment", FILE)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def test_spoiling_does_what_it_says(sanity):
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 10
    fresh = sanity.Set(rng.integers(0, 256, (600, 8, 8, 1), np.uint8), labels)
    train = sanity.Set(rng.integers(0, 256, (600, 8, 8, 1), np.uint8), labels)
    found = dict(sanity.spoilt(fresh, train, 0))
    assert {len(one.images) for one in found.values()} == {sanity.COUNT}
    assert {one.images.dtype.name for one in found.values()} == {"uint8"}
    assert set(found["3 dropped"].labels) == set(range(3, 10))
    assert len(np.unique(found["10 images"].images, axis=0)) == 10
    in_train = (found["memorised"].images[:, None] == train.images[None]).all((2, 3, 4)).any(1)
    assert in_train.all()
    assert (found["wrong labels"].images == found["fresh"].images).all()
    assert (found["wrong labels"].labels != found["fresh"].labels).any()


@pytest.mark.slow  # the metrics have tests of their own
def test_scores_move_the_way_they_must(sanity):
    found = sanity.measure(0, {"random-conv": spec(RandomConv)})
    fd = {name: scores["random-conv: fd"] for name, scores in found.items()}
    assert fd["fresh"] < fd["noise 0.05"] < fd["noise 0.1"] < fd["noise 0.2"]
    assert fd["fresh"] < fd["1 dropped"] < fd["3 dropped"] < fd["5 dropped"] < fd["10 images"]
    assert found["10 images"]["random-conv: recall"] == 0
    assert found["fresh"] == found["wrong labels"]


def test_what_is_noticed(sanity):
    rng = np.random.default_rng(0)
    fresh = rng.normal(size=5)
    found = sanity.noticed({"fresh": fresh, "same": rng.normal(size=5), "off": fresh + 10})
    assert found["fresh"] == 0
    assert abs(found["same"]) < 1 < found["off"]
