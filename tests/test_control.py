"""`Control` on models whose control is known: perfect, deaf, leaking, off its scale."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import tiny
from helpers.quadrants import PLACES, Exact, Known, Painter, as_folder, context, decoded, source
from jax import random

from genlab import config as config_lib
from genlab import fit
from genlab.config import ConfigError, build, spec
from genlab.data import products
from genlab.data.columns import Label, Numbers
from genlab.data.sets.products import render
from genlab.data.sets.products.factors import FACTORS, _at
from genlab.editing.factors import Factor, factors
from genlab.evaluation import Control, Guided, asking
from genlab.evaluation.answers import Answers
from genlab.evaluation.evaluate import evaluate
from genlab.evaluation.leaks import MISREAD, NEW, nearest
from genlab.features import Factors
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp

FEW = {"samples": 300, "pairs": 60, "conditions": 12, "each": 5, "bins": 5}


def control(model, reader=None, data=None, **settings):
    return Control(reader or Exact(), **{**FEW, **settings})(context(model, data))


def test_a_perfect_generator_scores_what_real_pictures_score():
    found = control(Painter(), data=source(Known))
    for name in ("accuracy", "exact_match", "decoded_accuracy", "decoded_exact_match"):
        assert found.scores[name] == found.baselines[name] == 1
    for name in ("r2", "decoded_r2"):
        assert found.scores[name] == pytest.approx(found.baselines[name], abs=1e-3)
        assert found.scores[name] > 0.999
    assert found.scores["leakage"] == pytest.approx(0, abs=0.02)
    assert found.scores["diversity"] == pytest.approx(1, abs=0.35)
    assert found.protocol["decoded"] == 200 and found.protocol["given"] == "place, level"
    assert found.protocol["measured"] == "place, level, spot" and found.protocol["real"] == 300
    assert {*found.scores} == {*Control.gives}
    assert {*found.scores} - {*found.baselines} == {"leakage", "decoded_leakage"}
    assert len(found.each["decoded_accuracy"]) == 200 and len(found.each["decoded_leakage"]) == 50
    assert not control(Painter()).protocol["decoded"]


def test_a_generator_that_ignores_its_conditions_scores_chance():
    """A third of the places; R2 of numbers drawn anew, -1; as its own shuffled answers."""
    found = control(Painter(obeys=False), samples=2000)
    assert found.scores["accuracy"] == pytest.approx(1 / 3, abs=0.04)
    assert found.scores["r2"] == pytest.approx(-1, abs=0.15)
    table = found.tables["factor"]
    for factor, score in (("place", "accuracy"), ("level", "r2")):
        own, chance = (table[what][factor][score] for what in ("samples", "shuffled conditions"))
        assert own.low < chance.high and chance.low < own.high
    assert found.scores["leakage"] == 0  # what is asked changes nothing


def test_a_reader_that_errs_is_seen_on_real_pictures_and_cautioned_of():
    found = control(Painter(), Exact(wrong=3, noise=0.1))
    assert found.scores["accuracy"] == found.baselines["accuracy"] == pytest.approx(2 / 3, abs=0.01)
    assert found.scores["r2"] == pytest.approx(1 - 12 * 0.1**2, abs=0.04)
    assert any("accuracy of 'place' on real pictures is 0.67" in c for c in found.cautions)
    misread = found.tables["changed factor"]["samples"][MISREAD]
    assert misread["place"] == pytest.approx((2 * 2 / 9) * 1.5, abs=0.15)  # two reads of one label
    assert misread["level"] == pytest.approx(0.1 * 2 / np.sqrt(np.pi) * 3, abs=0.06)
    assert misread["spot"] < 0.02
    assert not any("'level'" in text for text in found.cautions)
    assert "300 samples, fewer than 1,000" in found.cautions[0]


class Dropped(Painter):
    """Trained without its conditions too: then it draws the middle of each."""

    def null(self, cond):
        return {name: 0 * x for name, x in cond.items()}


def test_guided_samples_are_scored_by_any_evaluator():
    """At 1 as without guidance, at 0 as without conditions."""
    whole, none = (
        Guided(Control(Exact(), **FEW), s)(context(Dropped(), source())) for s in (1.0, 0.0)
    )
    assert whole.scores["accuracy"] == 1 and whole.protocol["guidance"] == 1
    assert none.scores["accuracy"] == pytest.approx(1 / 3, abs=0.05)
    assert none.scores["r2"] == pytest.approx(0, abs=0.1)
    assert Guided(Control(Exact()), 2.0).gives == Control.gives


def test_what_leaks_is_found_by_what_was_changed():
    """A place moves the spot by 1/3 of its range, a level nothing; a spread of 1/3."""
    table = control(Painter(leak=1 / 3)).tables["changed factor"]["samples"]
    assert table["level"]["spot"] == table["level"]["place"] == 0
    assert table["place"]["spot"] == pytest.approx(1, abs=0.35)
    assert table["place"]["place"] == pytest.approx(1.5, abs=0.05)  # each label is another
    assert table["level"]["level"] == pytest.approx(1, abs=0.25)
    assert table[NEW]["place"] == table[NEW]["level"] == 0
    assert table[NEW]["spot"] == pytest.approx(1, abs=0.25)
    factors = control(Painter(leak=1 / 3)).tables["factor"]["samples"]
    wanted = (table["place"]["spot"] + table["place"]["level"]) / 2
    assert factors["place"]["leakage"].value == pytest.approx(wanted)


def test_calibration_inside_in_a_gap_and_beyond_are_apart():
    """A model that is right where it was trained, flat in the gap, and saturates at the ends."""

    def level_of(level):
        flat = jnp.where((level > 0.4) & (level < 0.7), 0.4, level)
        return jnp.clip(flat, 0, 1)

    data = source(Known, gap=(0.4, 0.7))
    found = control(
        Painter(level_of), data=data, ask="range", beyond=0.2, samples=1500, decode=1500
    )
    table = found.tables["range"]["samples"]
    inside, gap, beyond = (table[f"level, {where}"] for where in ("inside", "in a gap", "beyond"))
    assert inside["slope"] == pytest.approx(1, abs=0.05) and inside["error"] < 0.02
    assert gap["slope"] == pytest.approx(0, abs=0.1)
    assert gap["decoded_error"] == pytest.approx(0.15, abs=0.02)
    assert beyond["decoded_error"] == pytest.approx(0.115, abs=0.02)  # 0.03 .. 0.2 beyond an end
    asked = {where: table[f"level, {where}"]["asked"] for where in ("inside", "in a gap", "beyond")}
    assert sum(asked.values()) == 1500 and gap["decoded_asked"] <= gap["asked"]
    assert asked["beyond"] == pytest.approx(1500 * 0.34 / 1.4, rel=0.1)
    assert found.scores["r2"] > 0.95  # of what is inside alone
    curve = found.curves["level"]
    assert [*curve] == ["samples", "real data", "trained", "decoded"]
    assert len(curve["samples"]["asked"]) == 5
    ends = [*zip(curve["trained"]["low"], curve["trained"]["high"], strict=True)]
    assert np.ravel(ends) == pytest.approx([-0.03, 0.43, 0.67, 1.03], abs=0.01)
    assert curve["samples"]["asked"][0] < 0 < 1 < curve["samples"]["asked"][-1]


def test_control_of_a_folder_of_ones_own_and_its_table(tmp_path):
    """The columns are what the table says; a painter of them scores what its pictures score."""
    data = build(as_folder(tmp_path))
    assert data.columns["place"].names == PLACES
    found = control(Painter(), data=data, samples=20, pairs=20, conditions=4)  # one program
    assert found.protocol["measured"] == "place, level, spot" and not found.protocol["decoded"]
    assert found.scores["accuracy"] == found.baselines["accuracy"] == 1
    assert found.scores["r2"] == pytest.approx(found.baselines["r2"], abs=1e-3)
    assert found.scores["r2"] > 0.999 and found.scores["leakage"] < 0.02


@pytest.mark.slow
def test_a_run_on_a_folder_of_ones_own_is_scored_by_control(tmp_path):
    """Trained, read by a network of the folder's own pictures, asked for its ranges."""
    (tmp_path / "shop").mkdir()
    trunk = spec(mlp.Down, (64,), "relu")
    scored = spec(Control, spec(Factors, trunk, steps=600, batch_size=64), **FEW, ask="range")
    method = spec(
        GAN,
        spec(Generator, spec(mlp.Up, (4, 4, 1), (16,))),
        spec(Discriminator, spec(mlp.Down, (16,))),
        latent=4,
        given=("place", "level"),
    )
    config = tiny.experiment(
        method,
        ("disc", "gen"),
        data=as_folder(tmp_path / "shop", 300),
        batch_size=16,
        evaluate={"control": scored},
    )
    fit(config, tmp_path / "run")
    (row,) = evaluate(tmp_path / "run")
    assert row["protocol"]["measured"] == "level, place, spot"
    assert row["protocol"]["asked"] == "range" and "files" in row["protocol"]
    assert row["baselines"]["accuracy"] > 0.9 and row["baselines"]["r2"] > 0.7
    assert row["scores"]["accuracy"] < row["baselines"]["accuracy"]


def test_diversity_is_relative_to_real_pictures_of_the_condition():
    class Flat(Painter):
        """One picture for each condition."""

        def latents(self, key, n):
            return 0.5 + 0 * super().latents(key, n)

    assert control(Flat()).scores["diversity"] == pytest.approx(0, abs=1e-6)
    data = source()
    stored, asked = data.read("train"), {n: x[:4] for n, x in data.read("test").items()}
    given = {name: asked[name] for name in ("place", "level")}
    at = nearest(data.columns, given, stored, 5)
    assert (stored["place"][at] == given["place"][:, None]).all()
    for row, level, place in zip(at, given["level"], given["place"], strict=True):
        far = np.abs(stored["level"][:, 0] - level)
        far[stored["place"] != place] = np.inf
        assert set(row) == set(np.argsort(far)[:5])


def test_what_is_asked_is_as_in_the_data_or_even_over_the_range():
    model, data = Painter(), source(n=50)
    real = data.read("test")
    as_data = asking.of_data(model, real, 100)
    for name, x in as_data.items():  # every row twice
        assert sorted(x.ravel().tolist()) == sorted(real[name].ravel().tolist() * 2)
    pairs = set(zip(real["place"], real["level"][:, 0], strict=True))
    assert set(zip(as_data["place"], as_data["level"][:, 0], strict=True)) == pairs
    even = asking.of_range(model, data, real, 99, 0.5)
    assert np.bincount(even["place"]).tolist() == [33, 33, 33]
    assert np.sort(even["level"][:, 0]) == pytest.approx(-0.5 + 2 * (np.arange(99) + 0.5) / 99)
    assert abs(np.corrcoef(even["place"], even["level"][:, 0])[0, 1]) < 0.3
    factor = Factor("place", "place", data.columns["place"])
    changed = asking.changed(as_data, factor)
    assert (changed["place"] != as_data["place"]).all() and changed["level"] is as_data["level"]
    number = asking.changed(as_data, Factor("level", "level", data.columns["level"]))
    assert sorted(number["level"].ravel()) == sorted(as_data["level"].ravel())
    assert (number["level"] != as_data["level"]).mean() > 0.9


def test_shuffled_answers_keep_their_own_coverage():
    kinds = {"a": Label(("x", "y")), "n": Numbers(("n",), (0.0,), (1.0,))}
    factors = {name: Factor(name, name, kind) for name, kind in kinds.items()}
    asked = {"a": np.arange(20) % 2, "n": np.linspace(0, 2, 20)[:, None]}
    trained = {"a": np.zeros(50, int), "n": np.linspace(0, 1, 50)[:, None]}
    other = Answers.of(factors, asked, asked, trained).shuffled()
    again = Answers.of(factors, other.asked, asked, trained)
    assert (other.asked["n"] != asked["n"]).all()
    assert np.array_equal(other.coverage["n"].inside, again.coverage["n"].inside)


def test_numbers_of_one_column_are_factors_by_their_names():
    kind = Numbers(("x", "y"), (0.0, 0.0), (1.0, 1.0))
    assert [*factors({"at": kind}, {"at": None})] == ["at.x", "at.y"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ask": "dta"}, "expected data or range"),
        ({"beyond": 0.2}, "ask='range'"),
        ({"samples": 1}, "samples is 1"),
        ({"each": 1}, "each is 1"),
        ({"decode": -1}, "decode is -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Control(Exact(), **settings)


def test_a_method_that_is_given_nothing_measured_is_refused_before_training():
    with pytest.raises(ConfigError, match=r"measures place, level, spot, .* given nothing"):
        Control(Exact()).check(Painter(given=()), source())


@pytest.fixture(scope="module")
def read():
    """Factors, their config and data, and the network they trained."""
    data, config = source(), {"data": config_lib.as_dict(spec(source))}
    reader = Factors(mlp.Down((64,), "relu"), steps=400, batch_size=64)
    return reader, config, data, reader.reader(config, data)


def test_a_reader_reads_held_out_pictures_nearly_as_the_decoder_does(read):
    _, _, data, found = read
    stored = data.read("test")
    told = found.read(stored["image"])
    assert (told["place"] == stored["place"]).mean() > 0.95
    for name in ("level", "spot"):
        assert np.abs(told[name] - stored[name]).mean() < 0.05, name
        assert told[name].shape == stored[name].shape
    assert np.abs(decoded(stored["image"])["level"] - stored["level"]).max() < 0.01


def test_a_reader_is_trained_once_and_named_by_its_weights(read):
    reader, config, data, found = read
    again = reader.reader(config, data)
    assert again.protocol == found.protocol and len(found.protocol["reader_sha256"]) == 64
    assert reader.protocol["reader_steps"] == 400 and "Down" in reader.protocol["reader"]


def test_columns_that_a_reader_cannot_read_are_refused():
    with pytest.raises(ConfigError, match="'spt' is none; did you mean 'spot'"):
        Factors(mlp.Down((4,)), columns=("spt",)).kinds(source())
    assert [*Factors(mlp.Down((4,)), columns=("spot",)).kinds(source())] == ["spot"]


def test_a_reader_of_all_columns_is_the_same_of_data_and_of_a_run_that_keeps_its_columns_by_name():
    assert [*Factors(mlp.Down((4,))).kinds(source())] == ["level", "place", "spot"]


def test_a_predictors_loss_is_the_sum_of_its_columns(read):
    """Cross-entropy of labels and squared error of numbers, by longhand."""
    data = read[2]
    game = config_lib.build(read[0].game(data, "image"))
    stored = {name: x[:6] for name, x in data.read("train").items()}

    @jax.jit
    def both(stored):
        batch = {name: data.columns[name].load(x) for name, x in stored.items()}
        params, stats = game.init(random.key(0), batch)
        loss, _ = game.loss(params, stats, batch, random.key(1), 0)
        return loss, game.net.apply({"params": params["net"]}, batch["image"])[0]

    loss, out = jax.device_get(both(stored))
    p = np.exp(out["place"]) / np.exp(out["place"]).sum(-1, keepdims=True)
    wanted = -np.log(p[np.arange(6), stored["place"]])
    wanted = wanted + (out["level"][:, 0] - (2 * stored["level"][:, 0] - 1)) ** 2
    wanted = wanted + (out["spot"][:, 0] - (2 * stored["spot"][:, 0] - 1)) ** 2
    assert float(loss) == pytest.approx(float(np.mean(wanted)), rel=1e-5)
    with pytest.raises(ConfigError, match="the columns need"):
        game.check({**data.columns, "place": Label(("a", "b"))})


class Drawer:
    """Draws products as they are asked for: nothing of it is trained."""

    makes, given = "image", ("category", "hue")

    def latents(self, key, n):
        return random.uniform(key, (n, len(FACTORS)))

    def generate(self, params, stats, z, cond=None):
        def one(row, cond):
            shares = dict(zip(FACTORS, row, strict=True))
            found = {name: _at(kind, shares[name]) for name, kind in FACTORS.items()}
            found["category"] = cond["category"].argmax(-1)
            turn = jnp.arctan2(cond["hue"][1], cond["hue"][0]) / (2 * jnp.pi)
            return render.image(found | {"hue": turn[None] % 1.0}, 32)

        return 2 * jax.vmap(one)(z, cond) - 1


@pytest.mark.slow
def test_the_exact_decoder_of_products_finds_what_was_drawn_as_asked():
    """Of perfect samples: nearly all right, as of real pictures, and next to no leakage."""
    data = products(32, columns=("image", *FACTORS), examples=400, validation=1, test=200)
    reader = Factors(mlp.Down((64,), "relu"), ("category", "hue"), steps=100)
    settings = {**FEW, "samples": 64, "pairs": 8, "decode": 32}
    made = context(Drawer(), data)
    made = dataclasses.replace(
        made, config={"data": config_lib.as_dict(spec(products, 32, examples=400, test=200))}
    )
    found = Control(reader, **settings)(made)
    assert found.scores["decoded_accuracy"] > 0.9 and found.baselines["decoded_accuracy"] > 0.9
    assert found.scores["decoded_r2"] > 0.9 and found.scores["decoded_leakage"] < 0.4
    assert found.scores["decoded_accuracy"] > found.scores["accuracy"]  # of a poor network
    table = found.tables["changed factor, decoded"]["samples"]
    assert table["hue"]["category"] < 0.2 and table["hue"]["scale"] < 0.2
    assert table["hue"]["hue"] > 0.5
