"""Games on named columns, whole: given nothing, a label, a label and a number, a picture; each
trained, resumed bit for bit, on one device and on four, under both placements, and vmapped.
"""

import contextlib
import json
import shutil
from functools import cache

import jax
import numpy as np
import optax
import pytest
from helpers import tiny
from PIL import Image

import genlab
from genlab import fit
from genlab.api import fit_vmapped
from genlab.cli import options
from genlab.cli.main import main, parser
from genlab.config import ConfigError, build, override, spec
from genlab.data import digits, from_columns
from genlab.data.pictures import texts
from genlab.evaluation import Bound, Fidelity, Reconstruction
from genlab.features import Pixels
from genlab.losses import likelihood
from genlab.methods import GAN, VAE, Comparison, Regression
from genlab.methods.gan.options import condition_dropout
from genlab.methods.translation import CycleGAN
from genlab.nets import Decoder, Discriminator, Encoder, Generator, Translator, mlp
from genlab.nets.unet import UNet
from genlab.runs.folder import RunFolder
from genlab.sampling import draw
from genlab.sampling.draw import SampleRequest, generate
from genlab.train.program import prepare

pytestmark = pytest.mark.usefixtures("kept")
FIDELITY = spec(Fidelity, spec(Pixels), samples=20, draws=1, scores=("fd",))


LOOK = spec(mlp.Down, (8,))
SLOW = spec(optax.sgd, 1e-3)  # the loss weighs 100


def attributed():
    """Digits with a number, their brightness, and a picture, themselves turned by 90 degrees."""
    found = digits().read("train", 200)
    brightness = found["image"].mean((1, 2, 3)) / 255
    turned = np.rot90(found["image"], axes=(1, 2)).copy()
    return from_columns(
        {**found, "brightness": brightness, "turned": turned}, validation=40, test=40
    )


def gan(given, look=LOOK, options=()):
    generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (8,), norm="BatchNorm"), look=look)
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    method = spec(GAN, generator, critic, latent=4, given=given, options=options)
    return tiny.experiment(method, ("disc", "gen"), data=spec(attributed))


def vae(given):
    encoder = spec(Encoder, spec(mlp.Down, (8,)), latent=2)
    decoder = spec(Decoder, spec(mlp.Up, tiny.SHAPE, (8,)), look=LOOK)
    method = spec(VAE, encoder, decoder, spec(likelihood.bernoulli), given=given)
    return tiny.experiment(method, ("vae",), data=spec(attributed))


def translation(adversarial):
    """Of a picture, the picture it was turned from: by regression, or as pix2pix."""
    generator = spec(Generator, spec(mlp.Up, tiny.SHAPE, (8,), norm="BatchNorm"), look=LOOK)
    compared, given = spec(Comparison, {"l1": {"weight": 100}, "l2": 1.0}), ("turned",)
    if not adversarial:
        method = spec(Regression, generator, compared, given=given)
        return tiny.experiment(method, ("gen",), data=spec(attributed), optim=SLOW)
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    method = spec(GAN, generator, critic, latent=0, given=given, comparison=compared)
    return tiny.experiment(method, ("disc", "gen"), data=spec(attributed), optim=SLOW)


def cycle():
    """Pictures and turned pictures, there and back; the pool is one for all devices."""
    generator = spec(Translator, spec(UNet, 1, 2, norm="InstanceNorm"))
    critic = spec(Discriminator, spec(mlp.Down, (8,)))
    method = spec(CycleGAN, generator, critic, ("turned", "image"), pool=20)
    return tiny.experiment(method, ("gen", "disc"), data=spec(attributed), optim=SLOW)


GAMES = {
    "unconditional GAN": lambda: gan(()),
    "GAN given a label": lambda: gan(("label",)),
    "GAN given a label and a number": lambda: gan(("label", "brightness")),
    "GAN given a picture": lambda: gan(("turned",)),
    "regression on a picture": lambda: translation(adversarial=False),
    "pix2pix": lambda: translation(adversarial=True),
    "CycleGAN": cycle,
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
    with_loop(config, sample_every=4, evaluate_every=4, checkpoint_every=2, keep=2)
    whole = params(fit(config, tmp_path / "whole"))
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    shutil.rmtree(tmp_path / "parts" / "checkpoints" / "4")
    again = params(fit(with_loop(GAMES[name](), checkpoint_every=2), tmp_path / "parts"))
    jax.tree.map(np.testing.assert_array_equal, whole, again)
    run = RunFolder(tmp_path / "whole")
    assert {row["name"] for row in run.rows("evals.jsonl")} == set(scores)
    assert (run.path / "samples" / "000004.png").is_file()
    (file,) = generate(run.path, SampleRequest(n=6, formats=("npz",)))
    with np.load(file) as made:
        assert set(made) == {"image", *build(config.method).given}
        assert made["image"].shape == (6, 8, 8, 1) and made["image"].dtype == np.uint8


def played(config, rounds=2):
    training = prepare(config)
    state, held = training.init(), training.fetch(0, rounds)
    state, metrics = training.compile(state, held, rounds).run(state, held, training.data_key)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(metrics))
    return params(state)


@pytest.mark.slow  # `test_parallel.py` has a VAE and a GAN
@pytest.mark.parametrize("name", GAMES)
def test_numbers_do_not_depend_on_devices_and_pmap_plays_too(name):
    one, four = (played(with_loop(GAMES[name](), devices=n)) for n in (1, 4))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6, rtol=1e-5), one, four)
    config = GAMES[name]()
    if "pool" in config.method:
        override(config, "method.pool", 0)
    apart = played(with_loop(config, devices=2, placement="pmap"))
    assert jax.tree.structure(apart) == jax.tree.structure(one)


@pytest.mark.parametrize("placement", ["jit", "pmap"])
def test_a_game_is_traced_on_devices_under_both_placements(placement):
    prepare(with_loop(GAMES[WHOLE](), devices=4, placement=placement))


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


@contextlib.contextmanager
def read_once():
    """Meanwhile a run that samples are drawn of is read, and its sampler compiled, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "load", cache(draw.load))
        yield


def test_what_is_given_changes_what_is_made(tmp_path):
    """By name and by number; a value that the model is not given is refused."""
    fit(gan(("label", "brightness"), options=(spec(condition_dropout, 0.5),)), tmp_path)
    with read_once():
        seven = _what_is_drawn_is_what_was_asked_for(tmp_path)
        _conditions_that_are_not_asked_for_are_those_of_training_rows(tmp_path, seven)
    with read_once():  # anew, for a file of it has changed
        _one_condition_varies_along_rows_of_one_latent(tmp_path)
        _guidance_is_asked_for_by_the_program_and_by_python(tmp_path, seven)


def _what_is_drawn_is_what_was_asked_for(folder):
    def drawn(**given):
        request = SampleRequest(n=4, given=given, formats=("npz",))
        with np.load(generate(folder, request)[0]) as file:
            return dict(file)

    seven, dark = drawn(label="7"), drawn(label="7", brightness="0.3")
    assert (
        seven["label"].tolist() == [7] * 4
        and dark["brightness"].tolist() == [[np.float32(0.3)]] * 4
    )
    assert not np.array_equal(seven["image"], dark["image"])
    for given, told in [
        ({"labl": "7"}, "did you mean 'label'"),
        ({"label": "x"}, "labels are 0 .. 9"),
    ]:
        with pytest.raises(ConfigError, match=told):
            drawn(**given)
    with pytest.warns(UserWarning, match="brightness 2 is outside .*: extrapolation"):
        drawn(label="7", brightness="2")
    return seven


def _conditions_that_are_not_asked_for_are_those_of_training_rows(folder, seven):
    run = genlab.load(folder)
    kept, train = run.source.conditions, run.source.read("train")
    assert len(kept["label"]) == len(train["label"]) == 120
    np.testing.assert_array_equal(kept["brightness"], train["brightness"])
    sevens = train["brightness"][train["label"] == 7]
    assert np.isin(seven["brightness"], sevens).all()
    said = []
    request = SampleRequest(n=4, given={"label": "7"})
    generate(folder, request, say=said.append)
    told = f"brightness from the {len(sevens)} training rows with label=7 (of 120 kept with the run"
    assert len(said) == 1 and told in said[0]
    np.testing.assert_array_equal(run.sample(4, given={"label": 7}), seven["image"])
    (folder / "conditions.json").write_text("{")  # an older run, or a damaged file
    assert genlab.load(folder).conditions(request).others == "brightness in turn"


def _one_condition_varies_along_rows_of_one_latent(folder):
    """By the program, by Python; the conditions of every picture are written beside them."""
    words = ["--given", "label=7", "--vary=brightness", "--from", "0.25", "--to=0.35", "--steps=3"]
    command = ["sample", f"--workdir={folder}", *words, "--n=2", "--formats=npz,grid"]
    assert main(command) == 0
    name = "round000004_n2_seed0_label7_varybrightness,0.25,0.35,3"
    place = folder / "generated" / name
    with np.load(place / f"{name}.npz") as file:
        made = dict(file)
    np.testing.assert_allclose(made["brightness"][:, 0], [0.25, 0.3, 0.35] * 2)
    lines = (place / "conditions.csv").read_text().splitlines()
    assert lines[:2] == ["picture,label,brightness", "00000,7,0.25"] and len(lines) == 7
    with Image.open(place / f"{name}_strips.png") as sheet:
        word = texts(["brightness"]).shape[2]  # the longest of the title, wider than the pictures
        assert sheet.width == word + 1 > 3 * 9 + 1 and sheet.height > 2 * 9 + 1 + 16
    run = genlab.load(folder)
    rows = run.vary("brightness", (0.25, 0.35), steps=3, n=2, given={"label": 7})
    assert rows.shape == (2, 3, 8, 8, 1) and rows._repr_png_()
    np.testing.assert_array_equal(rows.reshape(made["image"].shape), made["image"])
    assert run.vary("label", n=1).shape == (1, 10, 8, 8, 1)
    for wrong, told in [
        ("--vary=brightnes", "did you mean 'brightness'"),
        ("--vary=label", "has a value of its own too"),
        ("--given=label=7,brightness=0.3", "'label' is given twice"),
        ("--given=brightness=0.3", "has a value of its own too"),
        ("--given=label", "give NAME=VALUE"),
        ("--interpolate=3", "give one"),
        ("--steps=1", "at least 2"),
        ("--from=dark", "is not brightness: give one number, as 0.5"),
        ("--label=6", "two values of one column"),
    ]:
        with pytest.raises(ConfigError, match=told):
            _asked([*command, wrong])
    with pytest.raises(ConfigError, match="name it, as in --vary=hue"):
        _asked(["sample", f"--workdir={folder}", "--steps=3"])


def _guidance_is_asked_for_by_the_program_and_by_python(folder, seven):
    command = ["sample", f"--workdir={folder}", "--label=7", "--n=4", "--formats=npz"]
    assert main([*command, "--guidance=1.5"]) == 0
    name = "round000004_n4_seed0_label7_guidance1.5"
    place = folder / "generated" / name
    assert json.loads((place / "request.json").read_text())["guidance"] == 1.5
    run = genlab.load(folder)
    guided = run.sample(4, label=7, guidance=1.5)
    with np.load(place / f"{name}.npz") as file:
        np.testing.assert_array_equal(file["image"], guided)
    assert not np.array_equal(guided, seven["image"])
    once = run.sample(4, label=7, guidance=1.0).astype(int)  # to rounding what is not guided
    assert np.abs(once - run.sample(4, label=7)).max() <= 1
    with pytest.raises(ConfigError, match="must be a finite number"):
        _asked([*command, "--guidance=nan"])


def _asked(command):
    """Runs a command, with its errors."""
    arguments, rest = parser().parse_known_args(command)
    options.complete(arguments, rest)
    arguments.run(arguments)


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
