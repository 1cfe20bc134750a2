import copy
import json
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import tiny
from ml_collections import ConfigDict

from genlab import Experiment, Loop
from genlab import config as config_lib
from genlab.cli.sweep import _seeds
from genlab.config import (
    ConfigError,
    build,
    choose,
    files,
    fingerprint,
    override,
    place_of,
    resolve,
    spec,
)
from genlab.config.files import described, load
from genlab.data import digits
from genlab.data.sources import Streamed
from genlab.evaluation import Fidelity
from genlab.features import Pixels
from genlab.losses import adversarial
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp
from genlab.sampling.request import SampleRequest, latents
from genlab.train.program import prepare


def gan(**kwargs):
    return spec(
        GAN,
        spec(Generator, spec(mlp.Up, (2,), (8,))),
        spec(Discriminator, spec(mlp.Down, (8,))),
        latent=2,
        **kwargs,
    )


def test_positional_arguments_are_stored_by_name_with_every_default():
    written = spec(optax.adam, 1e-3)
    assert written.call == "optax:adam"
    assert written.learning_rate == 1e-3
    assert written.b1 == 0.9 and written.eps_root == 0.0


def test_build_makes_the_call_and_the_calls_inside_it():
    method = build(gan(penalties={"r1": 0.5}))
    assert isinstance(method, GAN)
    assert method.generator.trunk.hidden == (8,)
    assert method.penalties == {"r1": 0.5}


def test_variadic_calls_take_their_arguments_in_order():
    chain = build(spec(optax.chain, spec(optax.clip_by_global_norm, 1.0), spec(optax.sgd, 0.5)))
    updates, _ = chain.update(jnp.full((4,), 2.0), chain.init(jnp.zeros(4)))
    assert jnp.allclose(updates, -0.25)  # norm 4 clipped to 1, times 0.5


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: spec(GAN, 1, 2, laten=3), "did you mean 'latent'"),
        (lambda: spec(optax.adam), "adam needs `learning_rate`"),
        (lambda: build({"call": "optax:adamm", "learning_rate": 1.0}), "did you mean 'adam'"),
        (lambda: build({"call": "optaxx:adam"}), "cannot import 'optaxx'"),
        (lambda: choose(adversarial, "hing"), "did you mean 'hinge'"),
        (lambda: choose(adversarial, "_softplus"), "has no '_softplus'"),
    ],
)
def test_mistakes_are_told_in_one_line(make, told):
    with pytest.raises(ConfigError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_overrides_reach_any_depth_and_keep_the_kind_of_data():
    config = gan(penalties={"gradient_penalty": 10.0})
    override(config, "generator.trunk.hidden", "(32, 64)")
    override(config, "penalties.gradient_penalty", "5")
    override(config, "generator.bounded", "false")
    assert config.generator.trunk.hidden == (32, 64)
    assert config.penalties.gradient_penalty == 5.0 and isinstance(
        config.penalties.gradient_penalty, float
    )
    assert config.generator.bounded is False


def test_an_override_may_replace_a_subtree_or_fill_an_empty_field():
    config = gan()
    override(config, "penalties", {"r1": 1.0})
    override(config, "generator.trunk", spec(mlp.Up, (2,), (4, 4)))
    assert build(config).penalties == {"r1": 1.0}
    assert build(config).generator.trunk.hidden == (4, 4)
    chain = spec(optax.chain, spec(optax.clip, 1.0), spec(optax.adam, 1e-3))
    override(chain, "args.1.learning_rate", "0.01")
    assert chain.args[1].learning_rate == 0.01


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("generator.trnk.hidden", "1", "generator has no field 'trnk'; did you mean 'trunk'"),
        ("latent", "2.5", "latent is int"),
        ("latent", "many", "latent is int"),
        ("latent.x", "1", "has no field 'x'"),
        ("nothing_like_it", "1", "it has augment, comparison, critic_moves"),
    ],
)
def test_overrides_that_fit_nothing_are_refused(path, value, told):
    config = gan()
    before = config.to_json()
    with pytest.raises(ConfigError, match=told):
        override(config, path, value)
    assert config.to_json() == before


def test_json_round_trip_rebuilds_the_same_object(tmp_path):
    config = gan(penalties={"gradient_penalty": 10.0})
    (tmp_path / "config.json").write_text(json.dumps(config_lib.as_dict(config)))
    again = config_lib.read(tmp_path / "config.json")
    assert build(again) == build(config)
    assert fingerprint(again) == fingerprint(config)
    assert config_lib.differences(config, again) == {}


def test_fingerprints_are_equal_in_another_process_and_differ_with_any_field():
    config = gan()
    code = """if True:
        import json, sys
        from genlab.config import fingerprint
        print(fingerprint(json.loads(sys.stdin.read())))
    """
    told = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(config_lib.as_dict(config)),
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == fingerprint(config)
    other = gan()
    override(other, "latent", 3)
    assert fingerprint(other) != fingerprint(config)
    assert config_lib.differences(config, other) == {"latent": (2, 3)}
    unset = {"rate": float("nan"), "rates": [1.0, float("nan")]}
    again = {"rate": float("nan"), "rates": [1.0, float("nan")]}
    assert config_lib.differences(unset, again) == {}
    assert set(config_lib.differences(unset, {"rate": 1.0, "rates": [1.0, 2.0]})) == {
        "rate",
        "rates",
    }


def test_numbers_may_be_tracers():
    plain = config_lib.as_dict(spec(optax.sgd, 0.1))

    def update(rate):
        optimiser = build({**plain, "learning_rate": rate})
        return optimiser.update(jnp.ones(3), optimiser.init(jnp.zeros(3)))[0]

    rates = jnp.asarray([0.1, 0.2])
    assert jnp.allclose(jax.vmap(update)(rates), -rates[:, None] * jnp.ones((1, 3)))


def test_an_experiment_file_without_config_is_refused(tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ConfigError, match=r"defines no config\(\)"):
        files.load(tmp_path / "empty.py")
    with pytest.raises(ConfigError, match="did you mean"):
        files.load(tmp_path / "empti.py")


def test_scalars_of_numpy_and_jax_are_numbers():
    written = spec(optax.adam, np.float32(0.5), b1=jnp.float32(0.25), b2=np.float64(0.5))
    fields = written.learning_rate, written.b1, written.b2
    assert fields == (0.5, 0.25, 0.5) and {type(x) for x in fields} == {float}
    assert type(spec(mlp.Down, (np.int64(8), jnp.int32(4))).hidden[1]) is int
    config = gan()
    for value, kept in ((np.int64(3), 3), (np.float64(4.0), 4), (jnp.int32(5), 5)):
        override(config, "latent", value)
        assert config.latent == kept and type(config.latent) is int


def test_a_float_is_a_whole_number_where_it_equals_one():
    config = gan()
    for value in ("1e3", 1e3):
        override(config, "latent", 2)
        override(config, "latent", value)
        assert config.latent == 1000 and type(config.latent) is int
    assert type(spec(Loop, steps=1e3).steps) is int
    with pytest.raises(ConfigError, match="latent is int"):
        override(config, "latent", "1e-3")


def test_entries_of_a_mapping_are_removed_and_mappings_and_lists_replaced():
    config = spec(Experiment, gan(penalties={"r1": 1.0, "r2": 2.0}), {}, {}, evaluate={"a": 1})
    override(config, "method.penalties.r2", "None")
    assert dict(config.method.penalties) == {"r1": 1.0}
    override(config, "method.penalties", '{"r1":5, "gradient_penalty": {"weight": 2}}')
    assert build(config.method.penalties) == {"r1": 5.0, "gradient_penalty": {"weight": 2}}
    assert type(config.method.penalties.r1) is float
    override(config, "method.penalties", "none")
    assert dict(config.method.penalties) == {} == dict(gan().penalties)
    with pytest.raises(ConfigError, match="no 'b'; it has a"):
        override(config, "evaluate.b", None)
    override(config, "evaluate.a", None)
    assert dict(config.evaluate) == {}
    trunk = config.method.generator.trunk
    for text, kept in (("32,64", (32, 64)), ("[3, 4]", (3, 4)), ("7", (7,))):
        override(config, "method.generator.trunk.hidden", text)
        assert trunk.hidden == kept
    fidelity = spec(Fidelity, spec(Pixels))
    override(fidelity, "scores", "fd,kid")
    assert fidelity.scores == ("fd", "kid")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("stepz", "the config has no field 'stepz'; did you mean 'loop.steps'?"),
        ("steps", "did you mean 'loop.steps'?"),
        ("loop.latent", "loop has no field 'latent'; did you mean 'method.latent'?"),
        ("generator.trunk.hidden", "did you mean 'method.generator.trunk.hidden'?"),
        ("batchsize", "did you mean 'batch_size'?"),
        ("trunk.hidden", "'method.discriminator.trunk.hidden' or 'method.generator.trunk.hidden'?"),
    ],
)
def test_a_field_that_is_elsewhere_is_suggested(path, told):
    config = spec(Experiment, gan(), {}, {}, loop=spec(Loop))
    with pytest.raises(ConfigError) as caught:
        override(config, path, "3")
    assert told in str(caught.value)


def test_a_seed_that_no_generator_takes_is_refused_wherever_a_call_takes_one():
    assert build(spec(digits, seed=2**32 - 1)).count("train")
    for seed in (2**32, -1):
        with pytest.raises(ConfigError, match=rf"seed is {seed}; .* \(genlab.data:digits\)"):
            build(spec(digits, seed=seed))
        with pytest.raises(ConfigError, match="4294967295"):
            latents(SampleRequest(seed=seed), None)
        with pytest.raises(ConfigError, match="of the score 'kid'"):
            Fidelity(Pixels(), scores=("kid",), settings={"kid": {"seed": seed}})
        with pytest.raises(ConfigError, match="4294967295"):
            _seeds((0,), str(seed))


def test_seeds_may_be_a_range_or_an_array():
    assert _seeds(range(3), None) == (0, 1, 2) == _seeds(np.arange(3), None)
    assert _seeds((0,), "1e1,2") == (10, 2) and type(_seeds(np.arange(1), None)[0]) is int
    for wrong in ((0.5,), "ab", 3, (), (True,)):
        with pytest.raises(ConfigError, match="range"):
            _seeds(wrong, None)
    with pytest.raises(ConfigError, match="seed 1 is named twice"):
        _seeds((1, 1), None)


MINE = """
def broken(x):
    return inner(x)

def inner(x):
    return x["no such key"]
"""


def test_an_error_names_the_users_innermost_line(tmp_path, monkeypatch):
    (tmp_path / "mine_of_a_user.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    place = rf"KeyError: 'no such key' \({tmp_path}/mine_of_a_user.py:6\)"
    with pytest.raises(ConfigError, match=place):
        build({"call": "mine_of_a_user:broken", "x": {}})
    (tmp_path / "file.py").write_text("import mine_of_a_user\nmine_of_a_user.broken({})\n")
    with pytest.raises(ConfigError, match=r"mine_of_a_user.py:6: KeyError"):
        files.load(tmp_path / "file.py")


@pytest.mark.parametrize(
    ("code", "place"),
    [("    return inner(real)", 6), ("    return real.no_such_method()", 3)],
)
def test_an_error_in_a_users_loss_names_its_line(code, place, tmp_path, monkeypatch):
    """The innermost one of the user's: of a helper that the loss calls, too."""
    module = f"loss_of_a_user_{place}"
    lines = ["", "def critic(real, fake):", code, "", "def inner(x):", "    return x @ x[0, 0, 0]"]
    lines += ["", "from genlab import Objective", "mine = Objective(critic, lambda fake: fake)", ""]
    (tmp_path / f"{module}.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=rf"cannot be played.*\({tmp_path}/{module}.py:{place}\)"):
        prepare(tiny.gan(method={"objective": f"{module}:mine"}))


DATA = """
from genlab.data import digits

class Broken:
    def __init__(self):
        self.source = digits()

    def __getattr__(self, name):
        return getattr(self.source, name)

    def only(self, names):
        return self

    def batch(self, held, *place):
        return {"image": held["no such column"]}

class Reader:
    def __len__(self):
        return 9

    def __getitem__(self, at):
        return {"image": {}[at]}

def missing():
    return open("/no/such/file.npz")
"""


def test_an_error_in_a_users_data_names_its_line(tmp_path, monkeypatch):
    """Where they are opened, and where a batch is made of them."""
    (tmp_path / "data_of_a_user.py").write_text(DATA)
    monkeypatch.syspath_prepend(tmp_path)
    for name, line in (("missing", 25), ("Broken", 15)):
        config = tiny.gan()
        override(config, "data", {"call": f"data_of_a_user:{name}"})
        with pytest.raises(ConfigError, match=rf"{tmp_path}/data_of_a_user.py:{line}\)"):
            prepare(config)
    reader = resolve("data_of_a_user:Reader")()
    with pytest.raises(KeyError) as caught:  # in a thread, in the course of training
        Streamed({"train": reader}, digits().only(["image"]).columns).fetch("train", 0, 0, 1, 4)
    assert place_of(caught.value) == f"{tmp_path}/data_of_a_user.py:22"


def test_numbers_of_numpy_and_jax_are_assigned_as_numbers():
    config = spec(Experiment, gan(), spec(digits), {}, loop=spec(Loop))
    config.batch_size, config.loop.steps = np.int64(8), 1e3
    config.method.generator.trunk.hidden = (np.int64(8), jnp.int32(4))
    config.recalibrate, config.optim = np.float64(2), spec(optax.adam, 1.0)
    config.optim.learning_rate = np.logspace(-3, -1, 3)[0]
    assert (config.batch_size, config.loop.steps, config.recalibrate) == (8, 1000, 2)
    assert json.loads(json.dumps(config_lib.as_dict(config)))["method"]["generator"]["trunk"][
        "hidden"
    ] == [8, 4]
    kinds = config.batch_size, config.loop.steps, config.optim.learning_rate
    assert [type(x) for x in kinds] == [int, int, float]
    with pytest.raises(TypeError, match="batch_size"):
        config.batch_size = np.float64(8.5)
    config.loop = ConfigDict({"call": "genlab:Loop", "steps": 3})  # made without `spec`
    config.loop.steps = np.int32(4)
    copied = (
        copy.deepcopy(config),
        pickle.loads(pickle.dumps(config)),
        config.copy_and_resolve_references(),
    )
    assert all(one == config and type(one.loop) is type(config) for one in copied)
    assert "batch_size: 8" in str(config)
    with pytest.raises(AttributeError, match="batch_size"):
        config.batch_siz = 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"stepz": 3}, "no argument 'stepz'; did you mean 'loop.steps'?"),
        ({"method": gan, "laten": 3}, "no argument 'laten'; did you mean 'method.latent'?"),
        ({"batchsize": 3}, "did you mean 'batch_size'?"),
    ],
)
def test_an_argument_that_belongs_to_an_inner_call_is_suggested(arguments, told):
    arguments = {name: x() if callable(x) else x for name, x in arguments.items()}
    with pytest.raises(ConfigError) as caught:
        spec(Experiment, **arguments)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("config.stepz = 3", "no field 'stepz'; did you mean 'loop.steps'?"),
        ("config.method.stepz = 3", "no field 'stepz'; did you mean 'loop.steps'?"),
        ("config.loop.laten", "no field 'laten'; did you mean 'method.latent'?"),
        ("config.batchsize = 3", "no field 'batchsize'; did you mean 'batch_size'?"),
    ],
)
def test_a_misspelt_field_in_an_experiment_file_is_looked_for_through_all_levels(
    line, told, tmp_path
):
    lines = ["from helpers import tiny", "def config():", " config = tiny.gan()", f" {line}"]
    (tmp_path / "file.py").write_text("\n".join(lines))
    with pytest.raises(ConfigError) as refused:
        described(load(tmp_path / "file.py"))
    assert str(refused.value) == f"{tmp_path / 'file.py'}:4: the config has {told}"
