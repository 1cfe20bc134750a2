"""A trained model inverted and edited: a GAN with BatchNorm, a conditional VAE, a style-based GAN;
the weights are fresh, which makes no difference here.
"""

import dataclasses

import jax
import numpy as np
import pytest
from helpers import tiny
from jax import random

from genlab import spec
from genlab.config import ConfigError, build
from genlab.data import digits
from genlab.data.columns import Numbers
from genlab.editing.inversion import Optimisation
from genlab.editing.noise import WEIGHT
from genlab.evaluation.edit_kinds import Mixed
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp, style
from genlab.sampling.edited import Inverted
from genlab.sampling.editor import Editor
from genlab.sampling.inverting import usual

FEW = Optimisation(steps=60, starts=2)


@dataclasses.dataclass(frozen=True)
class Measured:
    """The digits, and the kinds of what is measured of them."""

    columns: dict

    def read(self, split, n=None):
        return digits().read(split, n)


SOURCE = Measured({**digits().columns, "dark": Numbers(("dark",), (0.0,), (1.0,)),
                   "lean": Numbers(("lean",), (-1.0,), (1.0,))})  # fmt: skip


def measure(images):
    """How dark a picture is, and its left half less its right half."""
    x = np.asarray(images, np.float64)[..., 0] / 255
    lean = x[:, :, :4].mean((1, 2)) - x[:, :, 4:].mean((1, 2))
    return {"dark": x.mean((1, 2))[:, None], "lean": lean[:, None]}


def styled():
    """A style-based GAN given a label."""
    generator = spec(Generator, spec(style.Up, tiny.SHAPE, width=4, style=8, depth=2), embed=0)
    critic = spec(Discriminator, spec(mlp.Down, (16,)))
    return spec(GAN, generator, critic, latent=8, given=("label",))


def editor(method):
    """Of a method with fresh weights."""
    made = build(method)
    read = digits().read("train", 16)
    batch = {"image": read["image"] / np.float32(127.5) - 1, "label": np.eye(10)[read["label"]]}
    params, stats = jax.jit(made.init)(random.key(0), batch)
    return Editor(made, SOURCE, params, stats, measure, samples=500)


@pytest.fixture(scope="module")
def gan():
    return editor(tiny.gan().method)


@pytest.fixture(scope="module")
def vae():
    return editor(tiny.vae(given=("label",)).method)


@pytest.fixture(scope="module")
def styles():
    return editor(styled())


def test_a_sample_of_a_gan_with_batch_norm_is_found_again(gan):
    drawn = gan.drawn(3, seed=1)
    found = gan.invert(drawn.examples, settings=Optimisation(steps=300, prior=0.0, starts=4))
    assert np.abs(found.examples.astype(int) - drawn.examples).mean() < 2
    again = gan.invert(drawn.examples, settings=Optimisation(steps=300, prior=0.0, starts=4))
    np.testing.assert_array_equal(found.latents, again.latents)


def test_an_encoder_of_its_own_is_where_a_vae_starts(vae):
    x, label = (digits().read("test", 3)[name] for name in ("image", "label"))
    start = vae.invert(x, {"label": label}, settings=Optimisation(steps=0))
    column = vae.source.columns["label"]
    codes = vae.method.encode(
        vae.params, vae.stats, x / np.float32(127.5) - 1, {"label": column.load(label)}
    )
    np.testing.assert_allclose(start.latents, codes, atol=1e-5)
    np.testing.assert_array_equal(start.given["label"], label)
    hybrid = vae.invert(x, {"label": label}, settings=FEW)
    np.testing.assert_array_equal(hybrid.given["label"], label)
    assert (hybrid.loss <= start.loss).all() and (hybrid.loss < start.loss).any()


def test_conditions_that_are_not_given_are_found(vae):
    drawn = vae.drawn(10, seed=2)
    free = vae.invert(drawn.examples, settings=Optimisation(steps=300, prior=0.0))
    assert (free.given["label"] == drawn.given["label"]).mean() > 0.5  # 0.1 by chance
    assert free.given["label"].dtype == np.int32


def test_in_w_it_starts_from_the_mean_style(styles):
    drawn = styles.drawn(3, "w", seed=2)
    none = styles.invert(drawn.examples, space="w", settings=Optimisation(steps=0))
    assert np.ptp(none.latents, axis=0).max() == 0
    found = styles.invert(drawn.examples, space="w", settings=FEW)
    assert (found.loss < none.loss).all() and found.latents.shape == (3, 8)


@pytest.fixture(scope="module")
def noisy():
    """A style-based GAN with noise whose strengths are not 0, as they are at first."""
    config = styled()
    config.generator.trunk.noise = True
    method = build(config)
    batch = {"image": np.zeros((2, 8, 8, 1), np.float32), "label": np.eye(10)[:2]}
    return Editor(method, SOURCE, *tiny.parameters(method.init, batch), measure, samples=500)


def test_noise_maps_that_were_found_stay_in_edits(noisy):
    rng = np.random.default_rng(0)
    w, maps = np.float32(rng.normal(size=(2, 8))), np.float32(rng.normal(size=(2, 160)))
    found = Inverted(None, w, {"label": np.int32([1, 2])}, np.zeros(2), "w", maps)
    both = np.stack([w, w], axis=1)
    made = np.asarray(noisy.generate(found, both)).reshape(2, 2, 8, 8, 1)
    np.testing.assert_array_equal(made[:, 0], made[:, 1])
    other = np.asarray(noisy.generate(found._replace(noise=maps[::-1]), both))
    assert (made != other.reshape(made.shape)).mean() > 0.2
    assert usual(noisy.method, "w").noise == WEIGHT and usual(noisy.method, "z").noise is None


@pytest.mark.slow
def test_noise_maps_are_found_with_the_styles(noisy):
    drawn = noisy.drawn(2, "w", seed=2)
    for space in ("w", "z"):
        settings = Optimisation(steps=20, noise=0.1)
        found = noisy.invert(drawn.examples, drawn.given, space, settings)
        assert found.noise.shape == (2, 160) and (found.noise[0] != found.noise[1]).any()
        stays = noisy.generate(found, found.latents[:, None])
        np.testing.assert_array_equal(stays, found.examples)
    turned = noisy.conditioned(found, [{}])
    np.testing.assert_array_equal(turned.examples, found.examples)
    free = noisy.invert(drawn.examples, None, "w", settings)
    assert free.noise.shape == (2, 160) and set(free.given) == {"label"}
    none = noisy.invert(drawn.examples, drawn.given, "w", Optimisation(steps=0, noise=0.1))
    assert none.noise is None


def test_noise_maps_of_a_generator_without_are_refused(styles):
    assert usual(styles.method, "w").noise is None
    picture, label = np.zeros((1, 8, 8, 1), np.uint8), {"label": np.int32([0])}
    with pytest.raises(ConfigError, match="this one has none"):
        styles.invert(picture, label, "w", Optimisation(noise=1.0))


def test_a_direction_changes_what_it_is_named_for(gan):
    direction = gan.direction("dark")
    assert direction.fit > 0.5 and direction.slopes.shape == (1, 8)
    edited = gan.edit(gan.drawn(6, seed=3), direction, by=(-2, 0, 2))
    low, none, high = edited.changes.wanted
    assert low < 0 == none < high
    assert set(edited.changes.unwanted) == {"lean"}
    assert edited.examples.shape == (18, *tiny.SHAPE)
    kept = gan.direction("dark", keep=("lean",))
    other = gan.direction("lean")
    assert abs(kept.slopes[0] @ other.slopes[0]) < 1e-9 and kept.name == "dark keeping lean"
    np.testing.assert_allclose(np.linalg.norm(kept.slopes, axis=1), 1)


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("sefa:0", "w"),
        ("ganspace:1", "z"),
        ("random:2", "z"),
        pytest.param("sefa:0", "z", marks=pytest.mark.slow),
        pytest.param("ganspace:1", "w", marks=pytest.mark.slow),
        pytest.param("random:2", "w", marks=pytest.mark.slow),
    ],
)
def test_directions_without_supervision(gan, styles, name, space):
    model = gan if space == "z" else styles
    direction = model.direction(name, space)
    np.testing.assert_allclose(np.linalg.norm(direction.slopes, axis=1), 1, rtol=1e-5)
    edited = model.edit(model.drawn(2, space), direction, by=(-1.0, 0.0, 1.0))
    assert edited.changes is None and edited.latents.shape == (2, 3, 8)
    unmoved = model.drawn(2, space).examples
    np.testing.assert_array_equal(edited.examples[[1, 4]], unmoved)


def test_styles_are_mixed_and_truncated(styles):
    a, b = (styles.drawn(3, "w", seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(styles.mixed(a, b, since=4), a.examples)
    np.testing.assert_array_equal(styles.mixed(a, b, since=0), b.examples)
    np.testing.assert_array_equal(styles.truncated(a, 1.0), a.examples)
    one = styles.drawn(11, "w", seed=1)  # of labels 0 .. 9, 0
    middle = np.asarray(styles.truncated(one, 0.0), int)
    np.testing.assert_allclose(middle[0], middle[10], atol=1)
    assert np.abs(middle[0] - middle[1]).max() > 1  # each towards the mean of its own label
    with pytest.raises(ConfigError, match="space='w'"):
        styles.mixed(styles.drawn(3), b, since=1)
    with pytest.raises(ConfigError, match="the network has 4"):
        styles.mixed(a, b, since=5)


def test_another_condition_in_w_is_another_mean_style(styles):
    """Of a style the part that is not its condition's stays."""
    drawn = styles.drawn(3, "w", seed=1)
    same, other = ({"label": np.int32(x)} for x in (drawn.given["label"][0], 7))
    made = styles.conditioned(drawn, [same, other])
    np.testing.assert_allclose(made.latents[0, 0], drawn.latents[0], atol=1e-5)
    moved = made.latents[:, 1] - drawn.latents
    between = made.latents[:, 1] - made.latents[:, 0]
    np.testing.assert_allclose(between, between[[0, 0, 0]], atol=1e-5)
    assert np.abs(moved[0] - moved[1]).max() > 1e-3
    pair = Mixed(2).made(styles, lambda n: styles, drawn)
    shown = np.asarray(pair.examples).reshape(3, 3, *tiny.SHAPE)
    np.testing.assert_array_equal(shown[[0, 1, 2], [0, 1, 2]], drawn.examples)


def test_what_cannot_be_is_refused(gan):
    for call, why in (
        (lambda: gan.direction("light"), "no factor 'light'"),
        (lambda: gan.direction("sefa:99"), "there are 8 directions"),
        (lambda: gan.direction("sefa:last"), "as sefa:0"),
        (lambda: gan.direction("sefa"), "as sefa:0"),
        (lambda: gan.drawn(2, "w"), r"nets\.style\.Up has"),
        (lambda: gan.drawn(2, "s"), "no latent space 's'"),
        (lambda: dataclasses.replace(gan, measure=None).direction("dark"), "none"),
    ):
        with pytest.raises(ConfigError, match=why):
            call()
