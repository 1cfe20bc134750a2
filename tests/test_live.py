"""Objects of a process in an experiment: arrays, built optimisers, functions and classes of a
notebook.
"""

import json
import linecache
import subprocess
import sys
import warnings
from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from helpers.shared import leaves

import genlab
from genlab import Experiment, api, build, spec
from genlab.cli.main import main
from genlab.cli.train import evaluation
from genlab.config import ConfigError, as_dict, differences, fingerprint, from_dict, live, override
from genlab.config.experiment import written
from genlab.data import digits
from genlab.data.columns import Image
from genlab.data.sets.arrays import from_arrays
from genlab.data.sources import Streamed
from genlab.losses import adversarial
from genlab.report import write
from genlab.runs import kept_code
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Silent
from genlab.sweep.launcher import submit
from genlab.sweep.plan import Job
from genlab.train.kept_data import DataGone

pytestmark = pytest.mark.usefixtures("kept")
CONFIG = tiny.gan()
CELLS = []


def cell(text, **known):
    """What a cell of a notebook defines, which is `__main__`'s."""
    file = f"<cell {len(CELLS)}>"
    CELLS.append(file)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    held = {"__name__": "__main__", **known}
    exec(compile(text, file, "exec"), held)
    return SimpleNamespace(**held)


LOSS = """
import jax.numpy as jnp
from genlab import Objective

WEIGHT = 2.0

def scale(x):
    return WEIGHT * x

def pulled(real, fake):
    return scale(jnp.exp(-real / 2)) + jnp.exp(fake / 2)

objective = Objective(critic=pulled, generator=lambda real, fake: jnp.exp(-fake / 2))
"""
TRUNK = """
import flax.linen as nn

class Trunk(nn.Module):
    width: int = 16

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        return nn.relu(nn.Dense(self.width)(x.reshape(len(x), -1)))
"""


def held(**values):
    return values


def gan(**method):
    return spec(genlab.methods.GAN, CONFIG.method.generator, CONFIG.method.discriminator, latent=8,
                **method)  # fmt: skip


def objects(**changed):
    """An experiment of objects."""
    fields = {"batch_size": 16, "loop": build(CONFIG.loop), **changed}
    given = {"method": build(CONFIG.method), "data": spec(digits), "optim": CONFIG.optim}
    return Experiment(**{**given, **fields})


@pytest.fixture
def elsewhere(monkeypatch):
    """As in another process: what this one has made so far is not there."""

    def begin():
        monkeypatch.setattr(live, "HELD", {})

    return begin


@pytest.mark.parametrize("method", [CONFIG.method, build(CONFIG.method)], ids=["spec", "object"])
def test_an_experiment_is_the_config_of_its_parts(method):
    assert differences(written(objects(method=method)), CONFIG) == {}


@pytest.mark.slow  # the config is the same by the test above
def test_an_experiment_is_trained_as_its_config(tmp_path):
    states = [api.fit(given, tmp_path / name) for name, given in (("a", objects()), ("b", CONFIG))]
    for a, b in zip(*map(leaves, states), strict=True):
        np.testing.assert_array_equal(a, b)
    assert differences(RunFolder(tmp_path / "a").config, RunFolder(tmp_path / "b").config) == {}


def make(factor):
    return lambda x: factor * x


class Set:
    """A data set of somebody's, with what it read kept."""

    def __init__(self, rows):
        self.rows = rows


PAIRS = {  # equal where built alike, by what they do and not by which object they are
    "array": lambda n: np.arange(6.0).reshape(2, 3) + n,
    "jax array": lambda n: jnp.arange(6.0) + n,
    "dtype": lambda n: np.zeros(3, (np.float32, np.float64)[n]),
    "shape": lambda n: np.zeros(((4,), (2, 2))[n]),
    "lambda": lambda n: (lambda x: x + 1, lambda x: x + 2)[n],
    "closure": lambda n: make(n),
    "array in a closure": lambda n: make(np.full(3, n)),
    "optimiser": lambda n: optax.adam(1e-3 * (n + 1)),
    "chain": lambda n: optax.chain(optax.clip(1.0 + n), optax.sgd(0.1)),
    "schedule": lambda n: optax.exponential_decay(0.1, 10 + n, 0.9),
    "object": lambda n: Set(np.full(3, n)),
    "source": lambda n: from_arrays(np.full((4, 8, 8, 1), n, np.uint8)),
    "streamed": lambda n: Streamed({"train": [{"image": np.full((8, 8, 1), n, np.uint8)}]},
                                   {"image": Image((8, 8, 1))}),
    "function of a cell": lambda n: cell(LOSS.replace("2.0", f"{n}.0")).pulled,
    "class of a cell": lambda n: cell(TRUNK.replace("relu", ("relu", "tanh")[n])).Trunk,
    "module of a cell": lambda n: cell(TRUNK).Trunk(width=8 + n),
}  # fmt: skip


@pytest.mark.parametrize("what", PAIRS)
def test_objects_are_compared_by_what_they_do_and_survive_json(what):
    one, same, other = (spec(held, x=PAIRS[what](n)) for n in (0, 0, 1))
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)
    again = from_dict(json.loads(json.dumps(as_dict(one))))
    assert again == one and list(live.found(again))
    if what in ("lambda", "closure"):
        assert build(again)["x"](3) == PAIRS[what](0)(3)


def test_what_a_module_holds_is_named_and_no_marker():
    config = spec(held, a=nn.relu, b=optax.adam, c=adversarial.hinge)
    assert not list(live.found(config)) and config.b.path == "optax:adam"
    made = build(config)
    assert made["a"] is nn.relu and made["b"] is optax.adam and made["c"] == adversarial.hinge
    assert type(made["c"]) is type(adversarial.hinge)


def test_an_object_that_cannot_be_compared_equals_itself_alone():
    one, other = iter(()), iter(())
    configs = [spec(held, x=x) for x in (one, one, other)]
    assert fingerprint(configs[0]) == fingerprint(configs[1]) != fingerprint(configs[2])


def test_an_array_changed_in_place_is_refused():
    x = np.zeros(3)
    config = spec(held, x=x)
    assert build(config)["x"] is x
    x += 1
    with pytest.raises(ConfigError, match=r"x, an array float64 \[3\] was changed in place"):
        build(config)


def test_an_object_is_set_by_its_path_and_by_a_variant():
    config = tiny.gan()
    with pytest.raises(ConfigError, match="objective is str"):
        override(config, "method.objective", 3)
    override(config, "method.objective", cell(LOSS).objective)
    override(config, "optim.gen", optax.sgd(0.1))
    assert [path for path, _ in live.found(config)] == ["method.objective", "optim.gen"]
    override(config, "method.objective", "minimax")
    assert "critic" in str(build(config.method).objective) or config.method.objective == "minimax"


@pytest.fixture(scope="module")
def notebook():
    """An experiment as one is made in a notebook, and how to make it anew."""

    def made(loss=LOSS, trunk=TRUNK, pictures=0, rate=0.05, steps=2):
        network = spec(genlab.nets.Discriminator, spec(cell(trunk).Trunk, width=8))
        method = gan(objective=cell(loss).objective)
        override(method, "discriminator", network)
        images = np.random.default_rng(pictures).integers(0, 255, (40, 8, 8, 1)).astype(np.uint8)
        loop = spec(genlab.Loop, **{**tiny.LOOP, "steps": steps, "rounds_per_call": 1})
        optim = dict.fromkeys(("disc", "gen"), optax.sgd(rate))
        return Experiment(method, from_arrays(images), optim, batch_size=16, loop=build(loop))

    return made


@pytest.fixture(scope="module")
def folder(notebook, tmp_path_factory):
    """A run of it."""
    path = tmp_path_factory.mktemp("live") / "run"
    with pytest.warns(UserWarning, match="cannot be made again from its folder alone.*objective"):
        genlab.fit(notebook(), path)
    return path


def test_a_run_of_objects_goes_on_with_equal_ones(notebook, folder):
    with pytest.warns(UserWarning, match="method.discriminator.trunk: class Trunk"):
        assert int(genlab.fit(notebook(steps=3), folder).step) == 3
    texts = {file.name: file.read_text() for file in (folder / "code/__live__").glob("*.py")}
    assert (
        "class Trunk(nn.Module)" in texts["Trunk.py"]
        and "import flax.linen as nn" in texts["Trunk.py"]
    )
    assert "WEIGHT = 2.0" in texts["objective.py"] and "def scale" in texts["objective.py"]
    assert "0.05" in texts["gen.py"]
    kept = json.loads((folder / "code.json").read_text())["modules"]
    assert "<cell" in kept["__live__/Trunk.py"]["from"]
    config = json.loads((folder / "config.json").read_text())
    assert config["data"]["splits"]["train"]["image"]["shape"] == [40, 8, 8, 1]


OTHERS = {
    "__live__/objective.py: WEIGHT": {"loss": LOSS.replace("2.0", "3.0")},
    "__live__/Trunk.py: Trunk.__call__": {"trunk": TRUNK.replace("relu", "tanh")},
    "__live__/gen.py: gen": {"rate": 0.1},
    r"data.splits.train.image was image, an array uint8 \[40, 8, 8, 1\]": {"pictures": 1},
}


@pytest.mark.parametrize("said", OTHERS)
def test_another_object_is_refused_by_name(said, notebook, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(
            ConfigError, match=said.replace(".", r"\.") if "\\" not in said else said
        ):
            genlab.fit(notebook(**OTHERS[said]), folder)


def test_a_comment_in_a_cell_is_no_change_and_another_function_may_be_accepted(
    notebook, folder, tmp_path
):
    config = written(notebook(loss=LOSS.replace("scale(x):", "scale(x):  # by WEIGHT")))
    run = RunFolder(folder)
    assert kept_code.changes_of(run.path, config, {}) == []
    assert RunFolder.start(folder, config)
    other = written(notebook(loss=LOSS.replace("2.0", "3.0")))
    assert [str(c) for c in kept_code.accept(folder, other, {})]
    (accepted,) = kept_code.read(folder).accepted
    assert "+WEIGHT = 3.0" in accepted["diff"]
    RunFolder.start(folder, other)
    kept_code.accept(folder, config, {})
    RunFolder.start(folder, config)


def test_elsewhere_the_folder_says_what_it_lacks(notebook, folder, elsewhere):
    elsewhere()
    run = genlab.load(folder)
    assert run.params["gen"] and run.metrics and run.scores == [] and run.config.batch_size == 16
    assert "not of its folder alone: " in repr(run) and "trunk: class Trunk (<cell" in repr(run)
    with pytest.raises(ConfigError, match=r"class Trunk \(<cell.*genlab\.load\(workdir, exper"):
        run.sample(2)
    with pytest.raises(ConfigError, match=r"other objects than .*objective\.py: WEIGHT"):
        genlab.load(folder, experiment=notebook(loss=LOSS.replace("2.0", "3.0")))
    whole = genlab.load(folder, experiment=notebook())
    assert whole.sample(2).shape == (2, 8, 8, 1)
    with pytest.warns(UserWarning, match="cannot be made again"):
        assert main(["train", f"--workdir={folder}"]) == 0  # its objects are here again


def test_the_next_command_names_the_file_that_has_the_objects(notebook):
    asked = SimpleNamespace(workdir="a run", config="mine.py", variant="base")
    command = "genlab evaluate '--workdir=a run'"
    assert evaluation(asked, written(notebook())) == f"{command} --config=mine.py --variant=base"
    assert evaluation(asked, tiny.gan()) == command


def test_data_in_memory_are_not_needed_to_sample(tmp_path, elsewhere):
    small, data = tiny.vae(), from_arrays(np.zeros((40, 8, 8, 1), np.uint8))
    config = written(objects(data=data, method=small.method, optim=small.optim))
    override(config, "loop.steps", 1)
    with pytest.warns(UserWarning, match="data.splits.train.image: image, an array uint8"):
        genlab.fit(config, tmp_path)
    elsewhere()
    run = genlab.load(tmp_path)
    assert run.sample(2).shape == (2, 8, 8, 1)
    with pytest.raises(DataGone, match=r"image, an array uint8 \[40, 8, 8, 1\] was an object"):
        run.source.read("train")
    assert "image, an array uint8" in write(tmp_path).markdown


def test_what_cannot_be_compared_is_taken_with_a_word(tmp_path, elsewhere):
    given, again = spec(held, x=iter(())), spec(held, x=iter(()))
    elsewhere()
    with pytest.raises(ConfigError, match="was an object of the process that made this config"):
        build(given)
    again = spec(held, x=iter(()))
    assert live.lend(given, again) == ["x: x, a builtins.tuple_iterator"]
    assert build(given)["x"] is build(again)["x"]


def test_runs_of_objects_are_not_sent_to_other_processes(tmp_path):
    config = tiny.gan()
    override(config, "method.objective", cell(LOSS).objective)
    executor = SimpleNamespace(name="local", room=lambda held: None, states=lambda ids: {})
    (result,) = submit(executor, [Job("a", 0, config, tmp_path / "a/seed0")], tmp_path, Silent())
    assert result.status == "failed" and "--executor=local" in result.error
    assert not (tmp_path / "a/seed0").exists()


def test_a_script_may_hold_its_classes_and_give_them_again():
    """`python -c`, twice: what has no source is compared by its code."""
    text = """
from genlab import spec
from genlab.config import fingerprint
class Trunk:
    def __init__(self, width): self.width = WIDTH * width
WIDTH = 2
print(fingerprint(spec(Trunk, width=lambda x: x + WIDTH)))
"""
    texts = [text, text, text.replace("* width", "* 3")]
    commands = ([sys.executable, "-c", one] for one in texts)
    first, same, other = (subprocess.check_output(command) for command in commands)
    assert first == same != other
