import json

import jax
import numpy as np
import pytest
import scipy.ndimage
from jax import random
from PIL import Image

from genlab.augment import image
from genlab.config import ConfigError, as_dict, build, spec
from genlab.data import decoding

KEY = random.key(3)
PICTURE = np.float32(np.random.default_rng(0).uniform(-1, 1, (12, 10, 3)))
AUGMENTATIONS = {
    "flip": image.flip(),
    "crop": image.crop(3),
    "translate": image.translate(0.3),
    "translate onto white": image.translate(0.3, fill=1.0),
    "rotate": image.rotate(40.0),
    "scale": image.scale(0.5, 2.0),
    "affine": image.affine(0.2, 0.5, 2.0, 40.0),
    "colour": image.colour(0.5, 0.9, 0.9),
}
IDENTITIES = {
    "no flip": image.flip(0.0),
    "no padding": image.crop(0),
    "no shift": image.translate(0.0),
    "no shift onto white": image.translate(0.0, fill=1.0),
    "no angle": image.rotate(0.0),
    "no zoom": image.scale(1.0, 1.0),
    "no zoom, angle or shift": image.affine(0.0, 1.0, 1.0, 0.0),
    "no change of colour": image.colour(),
}


PROGRAMS = {}  # of a change, which is held lest another one gets its id


def drawn(change, picture, n):
    """`n` draws of an augmented picture."""
    made = change, jax.jit(jax.vmap(change, (None, 0)))
    _, program = PROGRAMS.setdefault(id(change), made)
    return np.asarray(program(picture, random.split(KEY, n)))


def changed(change, picture=PICTURE, key=KEY):
    """One draw of it."""
    return np.asarray(jax.jit(change)(picture, key))


every = pytest.mark.parametrize("change", AUGMENTATIONS.values(), ids=AUGMENTATIONS)


@every
def test_shape_and_range_are_kept(change):
    corners = np.float32(np.where(np.random.default_rng(3).random(PICTURE.shape) < 0.5, 1, -1))
    out = drawn(change, corners, 16)
    assert out.shape == (16, *PICTURE.shape) and out.dtype == np.float32
    assert np.abs(out).max() <= 1.0


@every
def test_the_same_key_gives_the_same_image_and_others_move_it(change):
    first, again = (drawn(change, PICTURE, 16) for _ in range(2))
    assert np.array_equal(first, again)
    assert len(np.unique(first.reshape(16, -1), axis=0)) > 1


@every
def test_vmap_equals_a_loop(change):
    one = jax.jit(change)
    looped = np.stack([one(PICTURE, key) for key in random.split(KEY, 16)[:3]])
    np.testing.assert_allclose(drawn(change, PICTURE, 16)[:3], looped, atol=1e-5)


@pytest.mark.parametrize("change", IDENTITIES.values(), ids=IDENTITIES)
def test_nothing_asked_is_nothing_done(change):
    np.testing.assert_array_equal(jax.jit(change)(PICTURE, KEY), PICTURE)


def test_two_flips_are_none():
    mirror = jax.jit(image.flip(1.0))
    once = np.asarray(mirror(PICTURE, KEY))
    np.testing.assert_array_equal(once, PICTURE[:, ::-1])
    np.testing.assert_array_equal(mirror(once, random.key(9)), PICTURE)


def test_flips_come_as_often_as_asked():
    out = drawn(image.flip(0.25), PICTURE, 2000)
    flipped = np.mean(out[:, 0, 0, 0] != PICTURE[0, 0, 0])
    assert abs(flipped - 0.25) < 0.04


def test_shifts_are_whole_and_uniform():
    dot = np.full((9, 9, 1), -1.0, np.float32)
    dot[4, 4] = 1.0
    out = drawn(image.translate(0.2, fill=-1.0), dot, 3000)
    share = (out[..., 0] == 1.0).mean(0)  # 0.2 * 9 = 2 pixels each way: 25 places
    np.testing.assert_allclose(share[2:7, 2:7], 1 / 25, atol=0.015)
    assert float(share.sum()) == pytest.approx(1.0)


def test_a_shift_shows_the_edge_or_the_fill():
    ramp = np.repeat(np.linspace(-0.5, 0.5, 8, dtype=np.float32)[:, None, None], 8, 1)
    edge = drawn(image.translate(0.5), ramp, 50)
    assert np.abs(edge).max() == 0.5
    white = drawn(image.translate(0.5, fill=1.0), ramp, 50)
    assert white.max() == 1.0
    np.testing.assert_array_equal(np.where(white == 1.0, edge, white), edge)


def test_crop_is_a_window_of_the_reflected_image():
    padded = np.pad(PICTURE, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    windows = {padded[y : y + 12, x : x + 10].tobytes() for y in range(5) for x in range(5)}
    assert {x.tobytes() for x in drawn(image.crop(2), PICTURE, 200)} == windows


def test_rotation_and_zoom_agree_with_scipy():
    grey = PICTURE[..., 0]

    @jax.jit
    def everything():
        angle = random.uniform(KEY, minval=-50.0, maxval=50.0)
        factor = random.uniform(KEY, minval=0.5, maxval=2.0)
        made = image.rotate(50.0)(PICTURE, KEY), image.scale(0.5, 2.0)(PICTURE, KEY)
        return angle, factor, *made

    angle, factor, found, larger = jax.device_get(everything())
    turned = scipy.ndimage.rotate(grey, -float(angle), order=1, reshape=False, mode="nearest")
    np.testing.assert_allclose(found[..., 0], turned, atol=1e-4)
    factor = float(factor)
    middle = (np.array(grey.shape) - 1) / 2
    zoomed = scipy.ndimage.affine_transform(
        grey, np.eye(2) / factor, middle - middle / factor, order=1, mode="nearest"
    )
    np.testing.assert_allclose(larger[..., 0], zoomed, atol=1e-4)


def test_affine_scales_turns_then_shifts_as_scipy_does():
    grey, (height, width) = PICTURE[..., 0], PICTURE.shape[:2]
    shares = np.asarray(random.uniform(KEY, (4,), minval=-1.0))
    down, right, size, turn = map(float, shares)
    factor, angle = 1.25 + 0.75 * size, np.deg2rad(30.0 * turn)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    middle = (np.array(grey.shape) - 1) / 2
    shift = 0.1 * np.array([down * height, right * width])
    wanted = scipy.ndimage.affine_transform(
        grey, matrix, middle - matrix @ (middle + shift), order=1, mode="nearest"
    )
    found = changed(image.affine(0.1, 0.5, 2.0, 30.0))[..., 0]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_colour_moves_what_it_names():
    small = PICTURE / 10
    names = "brightness", "contrast", "saturation"
    changes = {name: image.colour(**{name: 0.5}) for name in names}
    together = jax.jit(lambda x: {name: change(x, KEY) for name, change in changes.items()})
    made = jax.device_get(together(small))
    brighter = made["brightness"] - small
    np.testing.assert_allclose(brighter, brighter[0, 0, 0], atol=1e-6)
    contrasted = made["contrast"]
    assert float(contrasted.mean()) == pytest.approx(float(small.mean()), abs=1e-6)
    assert float(contrasted.std()) != pytest.approx(float(small.std()), rel=1e-3)
    saturated = made["saturation"]
    np.testing.assert_allclose(saturated.mean(-1), small.mean(-1), atol=1e-6)


def test_numbers_may_be_traced():
    def turned(degrees, x):
        return image.rotate(degrees)(image.translate(degrees / 100)(x, KEY), KEY)

    swept = jax.jit(jax.vmap(turned, (0, None)))(np.float32([0.0, 20.0]), PICTURE)
    np.testing.assert_array_equal(swept[0], PICTURE)
    np.testing.assert_allclose(swept[1], jax.jit(turned)(20.0, PICTURE), atol=1e-5)


def test_an_augmentation_stands_in_a_config():
    config = spec(image.rotate, 10.0)
    assert as_dict(config) == {"call": "genlab.augment.image:rotate", "degrees": 10.0}
    built = build(json.loads(json.dumps(as_dict(config))))
    np.testing.assert_array_equal(changed(built), changed(image.rotate(10.0)))


def test_pictures_are_cut_to_the_aspect_and_their_channels_converted():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = (200, 100, 0)  # the central square
    out = decoding.fitted(Image.fromarray(wide), (2, 2, 3), "bicubic")
    assert out.dtype == np.uint8 and (out == (200, 100, 0)).all()
    assert decoding.fitted(Image.fromarray(wide), (4, 8, 1)).shape == (4, 8, 1)
    clear = Image.new("RGBA", (3, 3), (9, 9, 9, 0))
    assert (decoding.fitted(clear, (3, 3, 3)) == 255).all()  # laid over white
    assert (decoding.fitted(clear, (3, 3, 4))[..., 3] == 0).all()


def test_sixteen_bits_are_scaled_and_a_palette_resolved(tmp_path):
    deep = (np.arange(16).reshape(4, 4) * 4096).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(decoding.opened(tmp_path / "deep.png"), deep >> 8)
    colours = Image.fromarray(np.full((4, 4, 3), (250, 3, 3), np.uint8))
    colours.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    assert decoding.opened(tmp_path / "palette.png").getpixel((0, 0)) == (250, 3, 3)


def test_a_picture_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.new("RGB", (6, 4)).save(tmp_path / "side.jpg", exif=exif)
    assert decoding.opened(tmp_path / "side.jpg").size == (4, 6)


@pytest.mark.parametrize(
    ("shape", "resize", "told"),
    [
        ((64, 64), None, "height, width, channels"),
        ((64, 64, 2), None, "1, 3 or 4 channels"),
        ((64, 64, 3), "bicubik", "did you mean 'bicubic'"),
        (None, "bicubic", "give shape"),
    ],
)
def test_shapes_and_filters_that_cannot_be(shape, resize, told):
    with pytest.raises(ConfigError, match=told):
        decoding.checked(shape, resize)
