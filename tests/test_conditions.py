"""Games on named columns, whole: given nothing, a label, a label and a number, a picture; each
trained, resumed bit for bit, on one device and on four, under both placements, and vmapped.
"""

import jax
import numpy as np
import pytest
from helpers import tiny

from genlab import fit
from genlab.api import fit_vmapped
from genlab.config import ConfigError, override, spec
from genlab.data import digits, from_columns
from genlab.evaluation import Bound, Fidelity, Reconstruction
from genlab.features import Pixels
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.nets import Decoder, Discriminator, Encoder, Generator, mlp
from genlab.runs.folder import RunFolder
from genlab.sampling.draw import SampleRequest, generate
from genlab.train.program import prepare

FIDELITY = spec(Fidelity, spec(Pixels), samples=20, draws=1, scores=("fd",))


LOOK = spec(mlp.Down, (8,))


def attributed():
    """Digits with a number, their brightness, and a picture, themselves turned by 90 degrees."""
    found = digits().read("train", 200)
    brightness = found["image"].mean((1, 2, 3)) / 255
    turned = np.rot90(found["image"], axes=(1, 2)).copy()
    return from_columns(
        {**found, "brightness": brightness, "turned": turned}, validation=40, test=40
    )


def gan(given, look=LOOK):
    generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (8,), norm="BatchNorm"), look=look)
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    method = spec(GAN, generator, critic, latent=4, given=given)
    return tiny.experiment(method, ("disc", "gen"), data=spec(attributed))


def vae(given):
    encoder = spec(Encoder, spec(mlp.Down, (8,)), latent=2)
    decoder = spec(Decoder, spec(mlp.Up, tiny.SHAPE, (8,)), look=LOOK)
    method = spec(VAE, encoder, decoder, spec(likelihood.bernoulli), given=given)
    return tiny.experiment(method, ("vae",), data=spec(attributed))


GAMES = {
    "unconditional GAN": lambda: gan(()),
    "GAN given a label": lambda: gan(("label",)),
    "GAN given a label and a number": lambda: gan(("label", "brightness")),
    "GAN given a picture": lambda: gan(("turned",)),
    "VAE given all": lambda: vae(("label", "brightness", "turned")),
}
WHOLE = "VAE given all"  # in the default suite, the others in the slow tier
by_game = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == WHOLE else pytest.mark.slow) for n in GAMES]
)


def with_loop(config, **fields):
    for name, value in fields.items():
        override(config, f"loop.{name}", value)
    return config


def params(state):
    return jax.device_get(state.params)


@by_game
def test_a_game_resumes_bit_for_bit_and_is_scored_and_drawn(name, tmp_path):
    config = GAMES[name]()
    scores = {"fidelity": FIDELITY}
    if name.startswith("VAE"):
        scores |= {"bound": spec(Bound, 2), "reconstruction": spec(Reconstruction)}
    override(config, "evaluate", scores)
    with_loop(config, sample_every=4, evaluate_every=4)
    whole = params(fit(config, tmp_path / "whole"))
    fit(with_loop(GAMES[name](), steps=2), tmp_path / "parts")
    again = params(fit(GAMES[name](), tmp_path / "parts"))
    jax.tree.map(np.testing.assert_array_equal, whole, again)
    run = RunFolder(tmp_path / "whole")
    assert {row["name"] for row in run.rows("evals.jsonl")} == set(scores)
    assert (run.path / "samples" / "000004.png").is_file()
    (file,) = generate(run.path, SampleRequest(n=6, formats=("npz",)))
    with np.load(file) as made:
        assert set(made) == {"image", *config.method.given}
        assert made["image"].shape == (6, 8, 8, 1) and made["image"].dtype == np.uint8


def played(config, rounds=2):
    training = prepare(config)
    state, held = training.init(), training.fetch(0, rounds)
    state, metrics = training.compile(state, held, rounds).run(state, held, training.data_key)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(metrics))
    return params(state)


@by_game
def test_numbers_do_not_depend_on_devices_and_pmap_plays_too(name):
    one, four = (played(with_loop(GAMES[name](), devices=n)) for n in (1, 4))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6, rtol=1e-5), one, four)
    apart = played(with_loop(GAMES[name](), devices=2, placement="pmap"))
    assert jax.tree.structure(apart) == jax.tree.structure(one)


@pytest.mark.slow  # `test_together.py` has a GAN
@pytest.mark.parametrize("name", GAMES)
def test_runs_of_one_program_are_the_runs_they_would_be(name, tmp_path):
    configs = [GAMES[name]() for _ in range(2)]
    override(configs[1], "seed", 1)
    together = fit_vmapped(configs, [tmp_path / "a", tmp_path / "b"])
    single = fit(configs[1], tmp_path / "c")
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6, rtol=1e-5),
        params(together[1]), params(single),
    )  # fmt: skip


def test_what_is_given_changes_what_is_made(tmp_path):
    """By name and by number; a value that the model is not given is refused."""
    fit(gan(("label", "brightness")), tmp_path)

    def drawn(**given):
        request = SampleRequest(n=4, given=given, formats=("npz",))
        with np.load(generate(tmp_path, request)[0]) as file:
            return dict(file)

    seven, dark = drawn(label="7"), drawn(label="7", brightness="0.1")
    assert (
        seven["label"].tolist() == [7] * 4
        and dark["brightness"].tolist() == [[np.float32(0.1)]] * 4
    )
    assert not np.array_equal(seven["image"], dark["image"])
    for given, told in [
        ({"labl": "7"}, "did you mean 'label'"),
        ({"label": "x"}, "labels are 0 .. 9"),
    ]:
        with pytest.raises(ConfigError, match=told):
            drawn(**given)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ({"given": ("colour",)}, "no column of the data"),
        ({"given": ("image",)}, "name each column once"),
        ({"makes": "picture"}, "method.makes names 'picture'"),
    ],
)
def test_columns_that_cannot_be_are_refused_before_compiling(method, told):
    config = gan(())
    for name, value in method.items():
        override(config, f"method.{name}", value)
    with pytest.raises(ConfigError, match=told):
        prepare(config)


@pytest.mark.parametrize(
    ("given", "look", "told"),
    [
        (("turned",), None, "has nothing to see it with: set look="),
        ((), "mlp", "look is 'mlp'; give the spec of a trunk down"),
    ],
)
def test_a_picture_is_seen_through_a_trunk_or_refused(given, look, told):
    with pytest.raises(ConfigError, match=told):
        prepare(gan(given, look=look))
