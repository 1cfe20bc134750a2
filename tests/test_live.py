"""An Experiment given to `fit` as an object."""

import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.shared import leaves

from genlab import Experiment, api, build, spec
from genlab.config import ConfigError, differences
from genlab.data import digits
from genlab.data.sets.arrays import from_arrays
from genlab.runs.folder import RunFolder

CONFIG = tiny.gan()


def objects(**changed):
    fields = {"batch_size": 16, "loop": build(CONFIG.loop), **changed}
    given = {"method": build(CONFIG.method), "data": spec(digits), "optim": CONFIG.optim}
    return Experiment(**{**given, **fields})


@pytest.mark.parametrize("method", [CONFIG.method, build(CONFIG.method)], ids=["spec", "object"])
def test_an_experiment_is_the_config_of_its_parts(method):
    assert differences(api.written(objects(method=method)), CONFIG) == {}


def test_an_experiment_is_trained_as_its_config(tmp_path):
    states = [api.fit(given, tmp_path / name) for name, given in (("a", objects()), ("b", CONFIG))]
    for a, b in zip(*map(leaves, states), strict=True):
        np.testing.assert_array_equal(a, b)
    assert differences(RunFolder(tmp_path / "a").config, RunFolder(tmp_path / "b").config) == {}


class Local:
    pass


@pytest.mark.parametrize(
    "changed",
    [
        {"data": from_arrays(np.zeros((4, 8, 8, 1), np.uint8))},
        {"optim": {"gen": optax.sgd(0.1), "disc": optax.sgd(0.1)}},
        {"evaluate": {"mine": Local()}},
    ],
    ids=["arrays", "optimiser", "object"],
)
def test_what_no_config_holds_is_refused_with_advice(changed):
    with pytest.raises(ConfigError, match="give the spec of what makes it"):
        api.written(objects(**changed))
