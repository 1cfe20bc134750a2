"""`Restoration` on models that are known: perfect, idle, off by so much; classic methods."""

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from jax import random
from PIL import Image as Pillow

from genlab.config import ConfigError
from genlab.data import from_columns
from genlab.evaluation import Convention, EvaluationContext, Restoration, Style, Warp, classics
from genlab.evaluation.evaluate import lines
from genlab.evaluation.parts import SAMPLES
from genlab.evaluation.restored import SHOWN
from genlab.features import Pixels
from genlab.metrics import image as scores
from genlab.report.scores import score as known_score

N, SIDE = 6, 16
DOWN, RIGHT = np.mgrid[:SIDE, :SIDE] / SIDE


def smooth():
    """Waves of one period in each channel, uint8 [N, 16, 16, 3]."""
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (N, 1, 1, 3))
    waves = np.sin(2 * np.pi * (DOWN + 0.5 * RIGHT)[None, :, :, None] + phases)
    return np.rint(127.5 + 90 * waves).astype(np.uint8)


IMAGE = smooth()
HOLES = np.zeros((N, SIDE, SIDE, 1), bool)
HOLES[:, 5:10, 6:12] = True
NOISY = np.clip(IMAGE + np.random.default_rng(1).normal(0, 20, IMAGE.shape), 0, 255)
COLUMNS = {
    "image": IMAGE,
    "truth": IMAGE,
    "masked": np.where(HOLES, 128, IMAGE).astype(np.uint8),
    "noisy": np.rint(NOISY).astype(np.uint8),
    "small": IMAGE.reshape(N, 8, 2, 8, 2, 3).mean((2, 4)).round().astype(np.uint8),
    "grey": np.rint(IMAGE.mean(-1, keepdims=True)).astype(np.uint8),
    "holes": HOLES,
}
SOURCE = from_columns({n: np.concatenate([x] * 2) for n, x in COLUMNS.items()}, test=N, seed=0)
RGB = Convention(window=7)


@dataclasses.dataclass(frozen=True)
class Model:
    """Generates what `made` makes of its conditions."""

    made: object
    given: tuple = ("masked", "holes")
    makes: str = "image"

    def latents(self, key, n):
        return jnp.zeros((n, 0))

    def generate(self, params, stats, z, cond=None):
        return self.made(cond)


@dataclasses.dataclass(frozen=True)
class Denoiser:
    """Reconstructs pictures as they are, and translates them where it is to."""

    makes: str = "image"
    given: tuple = ()

    def reconstruct(self, params, stats, x, cond=None):
        return x


class Translator(Denoiser):
    """There and back: what is noisy turned over, what is turned over grey."""

    def translations(self):
        return ("noisy", "image"), ("image", "noisy")

    def translate(self, params, stats, x, to):
        return -x if to == "image" else 0 * x


@dataclasses.dataclass(frozen=True)
class Conditioned:
    """From a picture to a picture, turned over where its mask says."""

    makes: str = "image"
    given: tuple = ("holes",)

    def translations(self):
        return (("image", "image"),)

    def translate(self, params, stats, x, to):
        return x if isinstance(to, str) else x * (1 - 2 * to["holes"])


def context(method):
    config = {"data": {}}
    return EvaluationContext(config, method, SOURCE, {}, {}, "test", random.key(0))


def found(method, **settings):
    return Restoration(**{"convention": RGB, "classics": {}, **settings})(context(method))


REAL = SOURCE.read("test")
PERFECT = Model(lambda cond: cond["truth"], ("masked", "truth"))
IDLE = Model(lambda cond: cond["masked"])


def test_a_perfect_model_is_exact_and_beats_the_classics():
    made = found(PERFECT, holes="holes", classics=None, features=Pixels())
    assert made.scores["psnr"] == made.scores["holes_psnr"] == 80
    assert made.scores["ssim"] == pytest.approx(1) and made.scores["mae"] == 0
    assert made.scores["given_mae"] == 0 and made.scores["fd"] == pytest.approx(0, abs=1e-6)
    assert made.scores["gain"] > 0 and not made.cautions
    assert {*made.scores} == {*Restoration(holes="holes", features=Pixels()).gives}
    assert {*made.tables["part"]} == {SAMPLES, "as given", *classics.FILLED}
    telea, floor = (made.tables["part"][n]["holes"]["psnr"] for n in ("Telea", "as given"))
    assert telea > floor + 5


def test_the_strip_shows_every_picture_that_is_given():
    for model, sides in ((IDLE, 3), (PERFECT, 4)):  # given, output, answer; "truth" is given too
        strip = found(model).pictures["restored"]
        assert strip.shape[1] == sides * (SIDE + 1) + 1
        top = len(strip) - min(N, SHOWN) * (SIDE + 1)
        row = strip[top : top + SIDE, 1:].reshape(SIDE, sides, SIDE + 1, 3)[:, :, :SIDE]
        np.testing.assert_array_equal(row[:, 0], REAL["masked"][0])
        np.testing.assert_array_equal(row[:, -1], REAL["image"][0])
        if model is PERFECT:
            np.testing.assert_array_equal(row[:, 1], REAL["truth"][0])
    small = Model(lambda cond: cond["masked"], ("masked", "small"))  # of another size
    assert found(small).pictures["restored"].shape[1] == 3 * (SIDE + 1) + 1


def test_an_idle_model_scores_the_floor_and_is_said_to_lose():
    made = found(IDLE, holes="holes", classics=None)
    floor = made.tables["part"]["as given"]
    for part, own in made.tables["part"][SAMPLES].items():
        assert {n: x.value for n, x in own.items()} == pytest.approx(floor[part])
    best = max(x["holes"]["psnr"] for x in made.tables["part"].values() if x is not None
               and not hasattr(x["holes"]["psnr"], "low"))  # fmt: skip
    assert made.scores["gain"] == pytest.approx(made.scores["holes_psnr"] - best) and best > 25
    assert len(made.each["gain"]) == N
    assert len(made.cautions) == 1 and "does not beat the classic" in made.cautions[0]
    assert made.protocol["best classic"] in made.cautions[0] and made.protocol["real"] == N


def test_around_the_holes_what_was_given_is_put_back():
    """The whole picture then differs from the holes by the share of the holes alone; how far the
    model itself is off around them is `given_mae`.
    """
    made = found(Model(lambda cond: jnp.zeros_like(cond["masked"])), holes="holes")
    share = -10 * np.log10(HOLES[0].mean())
    assert made.scores["psnr"] - made.scores["holes_psnr"] == pytest.approx(share)
    known = ~REAL["holes"][..., 0]
    wanted = np.abs(128.0 - REAL["masked"])[known].mean() / 255
    assert made.scores["given_mae"] == pytest.approx(wanted)
    idle = found(IDLE, holes="holes")
    assert made.scores["holes_psnr"] == pytest.approx(idle.scores["holes_psnr"])


def test_a_model_reconstructs_or_translates_what_it_is_not_given():
    wanted = scores.psnr(REAL["noisy"], REAL["image"], 255).mean()
    assert found(Denoiser(), given="noisy").scores["psnr"] == pytest.approx(wanted)
    turned = scores.psnr(255 - REAL["noisy"], REAL["image"], 255).mean()
    assert found(Translator(), given="noisy").scores["psnr"] == pytest.approx(turned)
    grey = scores.psnr(np.full_like(REAL["noisy"], 128), REAL["noisy"], 255).mean()
    assert found(Translator(), given="image").scores["psnr"] == pytest.approx(grey)


def test_one_that_translates_by_conditions_is_given_those_of_the_answer():
    """Of any column of pictures like its own; of others it makes nothing."""
    turned = np.where(REAL["holes"], 255 - REAL["noisy"], REAL["noisy"])
    wanted = scores.psnr(turned, REAL["image"], 255).mean()
    assert found(Conditioned(), given="noisy").scores["psnr"] == pytest.approx(wanted)


class Perceived:
    """In the place of LPIPS: the mean of the output, whatever the answer."""

    @property
    def protocol(self):
        return {"lpips": "of a file"}

    def __call__(self, output, answer):
        return (output / 255).mean((1, 2, 3))


def test_channels_border_and_scales_are_those_of_the_protocol():
    y = Convention("y", border=2, window=7)
    made = found(Denoiser(), given="noisy", convention=y)
    luma = [16 + x[:, 2:-2, 2:-2] @ [65.481, 128.553, 24.966] / 255 for x in
            (REAL["noisy"], REAL["image"])]  # fmt: skip
    wanted = 20 * np.log10(255) - 10 * np.log10(((luma[0] - luma[1]) ** 2).mean((1, 2))).mean()
    assert made.scores["psnr"] == pytest.approx(wanted)
    assert made.protocol["border"] == 2 and made.protocol["channels"].startswith("Y of BT.601")
    scaled = found(Denoiser(), given="noisy", convention=Convention(window=7, scales=2))
    wanted = scores.ms_ssim(REAL["noisy"], REAL["image"], 255, 2, 7).values.mean()
    assert scaled.scores["ms_ssim"] == pytest.approx(wanted) and scaled.protocol["scales"] == 2
    perceived = found(Denoiser(), given="noisy", convention=Convention(window=7, lpips=Perceived()))
    assert perceived.scores["lpips"] == pytest.approx((REAL["noisy"] / 255).mean())
    assert perceived.protocol["lpips"] == "of a file" and len(perceived.each["lpips"]) == N


def test_post_processing_is_scored_after_the_output():
    made = found(Denoiser(), given="noisy", then=("match:mean", "contrast:0.5"))
    rows = made.tables["part"][SAMPLES]
    own, same, dull = (rows[f"whole picture{x}"]["psnr"].value for x in
                       ("", ", then match:mean", ", then contrast:0.5"))  # fmt: skip
    assert same == pytest.approx(own, abs=0.2) and dull < own - 1


def test_enlarging_is_compared_with_pillow_and_agreement_with_what_was_given():
    def halved(images):
        return images.reshape(len(images), 8, 2, 8, 2, 3).mean((2, 4)).round().astype(np.uint8)

    model = Model(lambda cond: jnp.repeat(jnp.repeat(cond["small"], 2, 1), 2, 2), ("small",))
    made = found(model, classics=None, again=halved)
    assert made.scores["given_mae"] == 0 and made.scores["gain"] < 0
    table = made.tables["part"]
    assert table["bicubic"]["whole picture"]["psnr"] > table["as given"]["whole picture"]["psnr"]
    own = classics.Enlarged("bicubic")(REAL["small"], None, (SIDE, SIDE, 3))
    pillow = [np.asarray(Pillow.fromarray(x).resize((16, 16), 3)) for x in REAL["small"]]
    assert np.abs(own - np.stack(pillow).astype(int)).max() <= 1
    blocks = REAL["small"].repeat(2, 1).repeat(2, 2)
    again = classics.Enlarged("bicubic", factor=2)(blocks, None, (SIDE, SIDE, 3))
    np.testing.assert_array_equal(again, own)
    better = classics.Enlarged("bicubic", projected=10)(REAL["small"], None, (SIDE, SIDE, 3))
    errors = [np.abs(halved(x).astype(int) - REAL["small"]).mean() for x in (own, better)]
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("name", classics.FILLED)
def test_classic_inpainting_fills_holes_alone(name):
    made = classics.FILLED[name](COLUMNS["masked"], HOLES, IMAGE.shape[1:])
    np.testing.assert_array_equal(np.where(HOLES, 0, made), np.where(HOLES, 0, IMAGE))
    error = np.abs(made.astype(int) - IMAGE)[HOLES[..., 0]].mean()
    idle = np.abs(COLUMNS["masked"].astype(int) - IMAGE)[HOLES[..., 0]].mean()
    assert error < (1.1 if name == "mean colour" else 0.5) * idle


def test_the_harmonic_fill_is_exact_on_a_plane_and_leaves_what_it_cannot_know():
    plane = np.rint(255 * (0.6 * DOWN + 0.3 * RIGHT)).astype(np.uint8)[None, :, :, None]
    made = classics.Harmonic()(plane, HOLES[:1], plane.shape[1:])
    assert np.abs(made.astype(int) - plane).max() <= 1
    all_missing = np.ones_like(HOLES[:1])
    np.testing.assert_array_equal(classics.Harmonic()(plane, all_missing, plane.shape[1:]), plane)


DENOISERS = (
    classics.Median(), classics.TotalVariation(20 / 255), classics.NonLocalMeans(20 / 255)
)  # fmt: skip


@pytest.mark.parametrize("method", DENOISERS, ids=lambda m: type(m).__name__)
def test_classic_denoising_gains_decibels(method):
    made = method(COLUMNS["noisy"], None, IMAGE.shape[1:])
    before, after = (scores.psnr(x, IMAGE, 255).mean() for x in (COLUMNS["noisy"], made))
    assert after > before + 3 and made.dtype == np.uint8


@pytest.mark.parametrize("by", ["wiener", "richardson_lucy"])
def test_classic_deconvolution_undoes_some_of_a_blur(by):
    from scipy.ndimage import gaussian_filter

    sharp = np.where((DOWN > 0.4) & (RIGHT > 0.5), 220.0, 40.0)[None, :, :, None]
    blurred = np.rint(gaussian_filter(sharp, (0, 1, 1, 0), mode="nearest")).astype(np.uint8)
    made = classics.Deconvolved(1 / SIDE, by)(blurred, None, sharp.shape[1:])
    errors = [((x - sharp) ** 2).mean() for x in (blurred, made)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    ("method", "settings", "told"),
    [
        (IDLE, {"given": "maskd"}, "expected two columns of pictures"),
        (IDLE, {"holes": "masked"}, "expected a column of masks"),
        (Model(None, ("holes",)), {"given": "noisy"}, "not given 'noisy'"),
        (Conditioned(), {"given": "grey"}, "not given 'grey'"),
        (IDLE, {"convention": Convention(window=17)}, "odd window from 3 to 15"),
        (IDLE, {"convention": Convention(window=7, border=5)}, "odd window from 3 to 5"),
        (IDLE, {"convention": Convention(window=7, border=7)}, "border from 0 to 6"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_training(method, settings, told):
    with pytest.raises(ConfigError, match=told):
        Restoration(**{"convention": RGB, **settings}).check(method, SOURCE)


def test_settings_that_are_none_are_refused(monkeypatch):
    for make in (lambda: Restoration(samples=1), lambda: Convention("luma"),
                 lambda: Restoration(then=("sharpen:1",))):  # fmt: skip
        with pytest.raises(ConfigError):
            make()
    with pytest.raises(ConfigError, match=r"genlab\[restoration\]"):
        classics.library("no_such_library")


def test_a_row_has_what_a_report_needs():
    assert known_score("gain").heading == "gain [dB] ↑"
    assert known_score("warp_gain").heading == "warp_gain ↑"  # `Warp`'s is an error, of 255
    assert known_score("holes_psnr").heading == "holes_psnr [dB] ↑"
    assert known_score("given_mae").arrow == "↓"
    made = found(IDLE, holes="holes", classics={"harmonic": classics.Harmonic()})
    row = {"name": "r", "step": 1, "scores": made.scores, "baselines": {},
           "protocol": made.protocol, "tables": {}}  # fmt: skip
    assert any("gain" in line for line in lines([row]))


@dataclasses.dataclass(frozen=True)
class Warping(Model):
    """Moves a garment a pixel down."""

    given: tuple = ("truth", "noisy")

    def warped(self, params, stats, cond):
        return jnp.roll(cond["noisy"], 1, axis=1)


def test_a_warp_is_scored_where_a_garment_is_worn():
    """There the dressed body is unlike the body by more than 8 of 255; an example with nothing
    worn is left out.
    """
    body, answer, garment = (np.array(REAL[name], int) for name in ("image", "image", "noisy"))
    body[1:, 4:9, 5:] = 255 - body[1:, 4:9, 5:]
    stored = {**REAL, "truth": body.astype(np.uint8)}
    source = dataclasses.replace(SOURCE, splits={"test": stored})
    made = Warp("truth", "noisy")(dataclasses.replace(context(Warping(None)), source=source))
    own, floor = [], []
    for i in range(1, N):
        worn = np.abs(answer[i] - body[i]).max(-1) > 8
        own.append(np.abs(np.roll(garment[i], 1, axis=0) - answer[i])[worn].mean())
        floor.append(np.abs(garment[i] - answer[i])[worn].mean())
    np.testing.assert_allclose(made.each["warp_mae"], own, rtol=1e-9)
    np.testing.assert_allclose(made.each["warp_gain"], np.subtract(floor, own), rtol=1e-9)
    assert made.scores["warp_mae"] == pytest.approx(np.mean(own))
    assert made.baselines["warp_mae"] == pytest.approx(np.mean(floor))
    assert made.protocol == {"real": N - 1, "left out": 1, "unlike": 8}
    with pytest.raises(ConfigError, match="'small' is not among"):
        Warp("small").check(Warping(None), SOURCE)


class Layers(nn.Module):
    """A picture, and its means of 2x2 pixels."""

    @nn.compact
    def __call__(self, x, cond=None, train=True):
        return x, nn.avg_pool(x, (2, 2), (2, 2))


def test_style_is_between_the_picture_as_it_is_and_the_style_itself():
    def styled(made):
        model = Model(made, ("noisy", "grey3"))
        columns = {**SOURCE.columns, "grey3": SOURCE.columns["image"]}
        grey = {"grey3": np.repeat(REAL["grey"], 3, -1)}
        source = dataclasses.replace(SOURCE, columns=columns, splits={"test": {**REAL, **grey}})
        c = dataclasses.replace(context(model), source=source)
        return Style("grey3", Layers())(c)

    idle, whole = styled(lambda cond: cond["noisy"]), styled(lambda cond: cond["grey3"])
    table = idle.tables["part"]
    assert idle.scores["content"] == 0 and whole.scores["style"] == pytest.approx(0, abs=1e-9)
    assert idle.scores["style"] == table["unstyled"]["all"]["style"] == pytest.approx(1)
    assert table["random pairs"]["all"]["content"] == pytest.approx(1)
    assert 1 > whole.scores["content"] > 0
    assert table["unstyled"]["all"]["content"] == 0 and {*idle.scores} == {*Style.gives}
    with pytest.raises(ConfigError, match="no column of pictures"):
        Style("holes", Layers()).check(IDLE, SOURCE)
