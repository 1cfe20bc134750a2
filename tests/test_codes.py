"""`CAS` and `MIG` on models that are known: what they teach, and which code has which factor."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.quadrants import Exact, Known, Painter, context, source

from genlab.config import ConfigError, as_dict, spec
from genlab.evaluation import CAS, MIG, Disentanglement
from genlab.features import Factors
from genlab.game.abilities import Code
from genlab.nets import mlp
from genlab.sampling.request import SampleRequest, Vary, conditions, latents


@dataclasses.dataclass(frozen=True)
class Coded(Painter):
    """Draws what its three codes say, each of them one factor; with `mixed`, two of them one."""

    mixed: bool = False
    given: tuple = ()

    def codes(self):
        return {"code0": Code(slice(0, 3), True), "code1": Code(slice(3, 4), False),
                "code2": Code(slice(4, 5), False)}  # fmt: skip

    def latents(self, key, n):
        rng = np.random.default_rng(0)
        place = np.eye(3)[np.arange(n) % 3]
        return jnp.asarray(np.concatenate([place, rng.uniform(-1, 1, (n, 2))], 1), jnp.float32)

    def generate(self, params, stats, z, cond=None):
        level, spot = (z[:, 3] + 1) / 2, (z[:, 4] + 1) / 2
        level = (level + spot) / 2 if self.mixed else level
        shown = {"place": z[:, :3], "level": 2 * level[:, None] - 1}
        image = Painter(given=("place", "level")).generate({}, {}, jnp.zeros((len(z), 3)), shown)
        return image.at[:, 3, 3, 0].set(2 * spot - 1)


@dataclasses.dataclass(frozen=True)
class Encoder(Painter):
    """Its codes are the place's row and the level, of the picture."""

    given: tuple = ()

    def encode(self, params, stats, x, cond=None):
        rows = x[:, :3, 0, 0]
        return jnp.stack([rows.argmax(-1).astype(float), rows.max(-1)], 1)


def test_a_code_a_factor_is_a_gap_of_1_and_a_shared_one_of_less():
    found = MIG(Exact(), samples=1500, bins=8)(context(Coded(), source(Known)))
    assert found.protocol["codes"] == "of samples" and found.protocol["factors"] == "decoded"
    assert found.scores["mig"] > 0.85
    low, high = found.intervals["mig"]
    assert low < high and abs(low - found.scores["mig"]) < 0.1
    (table,) = found.tables.values()
    of = {name: max((v, k) for k, v in row.items() if k != "mig")[1]
          for name, row in table["samples"].items()}  # fmt: skip
    assert of == {"place": "code0", "level": "code1", "spot": "code2"}
    read = MIG(Exact(), samples=1500, bins=8, decode=False)(context(Coded(), source(Known)))
    assert read.protocol["factors"] == "read"
    mixed = MIG(Exact(), samples=1500, bins=8)(context(Coded(mixed=True)))
    assert mixed.scores["mig"] < found.scores["mig"] - 0.1
    assert mixed.protocol["factors"] == "read"


def test_of_an_encoder_the_codes_of_real_pictures_are_compared_with_their_factors():
    found = MIG(Exact(), bins=8)(context(Encoder()))
    assert found.protocol == {"codes": "of the encoder", "factors": "of the data",
                              "samples": 400, "bins": 8}  # fmt: skip
    table = found.tables["factor and its code"]["samples"]
    assert table["place"]["mig"] > 0.8 and table["level"]["mig"] > 0.8
    assert table["spot"]["mig"] < 0.1  # in neither


def test_every_score_of_codes_against_the_factors_of_the_data():
    found = Disentanglement(samples=400, bins=8)(context(Encoder()))
    assert set(found.scores) == set(Disentanglement.gives)
    assert found.protocol == {"samples": 400, "bins": 8, "factors": "place, level, spot",
                              "predictor": "forest"}  # fmt: skip
    table = found.tables["factor and its code"]["samples"]
    assert table["place"]["z0"] > 0.9 and table["level"]["z1"] > 0.9
    two = Disentanglement(columns=("place", "level"), bins=8)(context(Encoder()))
    for name in ("mig", "modularity", "disentanglement", "irs"):
        assert 0.7 < two.scores[name] <= 1, name
    assert two.scores["informativeness"] > 0.95 > found.scores["informativeness"]
    with pytest.raises(ConfigError, match="fewer than two columns"):
        Disentanglement().check(Encoder(given=("place", "level")), source())
    with pytest.raises(ConfigError, match="'plase', no label or number"):
        Disentanglement(columns=("plase",)).check(Encoder(), source())


def test_codes_are_given_and_varied_as_columns_are():
    request = SampleRequest(n=2, given={"code0": "2"}, vary=Vary("code1", "-1", "1.5", 3))
    found = conditions(request, Coded(), source(), {})
    assert found.stored is None and found.steps == 3 and "code1 1.5 is outside" in found.beyond
    z = np.asarray(latents(request, Coded(), 3, found.codes)).reshape(2, 3, 5)
    assert (z[..., :3] == [0, 0, 1]).all() and (z[..., 3] == [-1, 0.25, 1.5]).all()
    drawn = np.asarray(Coded().latents(None, 2))
    np.testing.assert_array_equal(z[..., 4], np.repeat(drawn[:, 4:], 3, 1))
    whole = conditions(SampleRequest(n=1, vary=Vary("code0")), Coded(), source(), {})
    np.testing.assert_array_equal(whole.codes["code0"], [0, 1, 2])
    with pytest.raises(ConfigError, match="did you mean 'code1'"):
        conditions(SampleRequest(given={"cod1": "0"}), Coded(), source(), {})


def test_a_method_without_codes_or_with_one_is_refused():
    @dataclasses.dataclass(frozen=True)
    class One(Coded):
        def codes(self):
            return {"code0": Code(slice(0, 3), True)}

    with pytest.raises(ConfigError, match="needs a method with codes or an encoder"):
        MIG(Exact()).check(Painter(), source())
    with pytest.raises(ConfigError, match="has one: give it two or more"):
        MIG(Exact()).check(One(), source())
    with pytest.raises(ConfigError, match="samples=1"):
        MIG(Exact(), samples=1)


DATA = as_dict(spec(source))
READER = Factors(mlp.Down((64,), "relu"), steps=200, batch_size=64)


PERFECT = pytest.param(Painter(), 1, marks=pytest.mark.slow)


@pytest.mark.parametrize(("model", "right"), [PERFECT, (Painter(shift=1), 0)])
def test_cas_of_a_perfect_generator_and_of_one_with_the_wrong_labels(model, right):
    """What the second teaches is wrong of every real picture, and what it makes is wrong, too."""
    evaluated = dataclasses.replace(context(model, source()), config={"data": DATA})
    found = CAS(READER, samples=400)(evaluated)
    assert found.scores["cas_accuracy"] == pytest.approx(right, abs=0.05)
    assert found.scores["sample_accuracy"] == pytest.approx(right, abs=0.05)
    assert found.baselines["cas_accuracy"] == found.baselines["sample_accuracy"] > 0.95
    assert {*found.scores} == {*CAS.gives} == {*found.baselines}
    assert found.scores["cas_r2"] > 0.8 and found.scores["sample_r2"] > 0.8
    assert found.tables["factor"]["samples"]["place"]["cas_accuracy"].value == pytest.approx(
        found.scores["cas_accuracy"]
    )
    assert found.protocol["samples"] == 400 and found.protocol["given"] == "place, level"


def test_cas_needs_something_asked_for():
    with pytest.raises(ConfigError, match="given nothing"):
        CAS(READER).check(Painter(given=()), source())
    assert CAS(READER)._own(Painter(given=("place",)), source()).columns == ("place",)
