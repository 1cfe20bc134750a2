"""Drawn products: items are pure functions of (seed, split, index), and as their factors say."""

import colorsys
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from genlab import spec
from genlab.config import ConfigError, build
from genlab.data import Decodes, products, withholding
from genlab.data.sets.products import (
    Damage,
    categories,
    decoder,
    describe,
    proposals,
    render,
    shapes,
    textures,
)
from genlab.data.sets.products.columns import kinds
from genlab.data.sets.products.factors import CATEGORIES, FACTORS, TEXTURES, drawn

FEW = {"size": 16, "validation": 3, "test": 24}


@pytest.fixture(scope="module")
def source():
    return build(spec(products, **FEW))


@pytest.fixture(scope="module")
def held(source):
    return source.read("test")


def test_every_factor_is_a_column_in_its_range(source, held):
    assert set(held) == {"image", *FACTORS} == set(source.columns)
    assert held["image"].dtype == np.uint8 and held["image"].shape == (24, 16, 16, 3)
    for name, kind in FACTORS.items():
        np.testing.assert_array_equal(kind.check(name, held[name]), held[name])
        if not kind.cycle:
            assert kind.low[0] <= held[name].min() < held[name].max() <= kind.high[0]
        else:
            assert 0 <= held[name].min() < held[name].max() < kind.cycle


def test_counts_are_the_configs_and_a_train_split_without_end_has_any_number(source):
    narrow = source.only(("x", "texture"))
    assert [len(narrow.read(split)["x"]) for split in ("validation", "test")] == [3, 24]
    many = narrow.read("train", 30_000)
    assert len(many["x"]) == 30_000 and (np.bincount(many["texture"]) > 4_500).all()  # 6 of them
    assert products(16, examples=7).count("train") == 7
    with pytest.raises(ConfigError, match="no split 'dev'"):
        source.read("dev")


def test_batches_are_the_items_that_are_read_each_once():
    """Of a finite split: a batch that covers it is a permutation of what is read."""
    source = products(**FEW, columns=("hue", "mask"))
    held, key = source.fetch("test", 0, 0, 1, 24), jax.random.key(0)
    zero = jnp.int32(0)
    batch = jax.jit(lambda: source.batch(held, key, zero, zero, jnp.arange(24), 24))()
    read = source.read("test")
    order = [np.abs(read["hue"][:, 0] - hue).argmin() for hue in _hue(batch["hue"])]
    assert sorted(order) == list(range(24)) and order != list(range(24))
    np.testing.assert_array_equal(batch["mask"], read["mask"][order])


def _hue(loaded):
    return np.arctan2(loaded[:, 1], loaded[:, 0]) / (2 * np.pi) % 1


def test_splits_and_seeds_have_no_item_in_common_and_no_item_comes_twice():
    source = products(16, columns=("x", "hue"), examples=0, validation=400, test=400)
    found = [source.read(split, 400)["hue"] for split in ("train", "validation", "test")]
    found += [products(16, columns=("hue",), seed=1).read("train", 400)["hue"]]
    assert len(np.unique(np.concatenate(found))) == 1600


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": 8}, "expected 16 to 256"),
        ({"columns": ("image", "hu")}, "did you mean 'hue'"),
        ({"columns": ()}, "expected one or more"),
        ({"test": 0}, "at least one held out"),
    ],
)
def test_products_that_cannot_be(given, told):
    with pytest.raises(ConfigError, match=told):
        products(**given)


def test_training_leaves_out_what_is_withheld_and_held_out_splits_have_it():
    """What is left is even, and of what was not withheld nothing changes."""
    plain = products(16, columns=("length", "hue", "x"), examples=400, test=400)
    source = withholding(plain, {"hue": ((0.3, 0.4),), "length": ((0.8, 1), (0.2, 0.4))})
    read, before = source.read("train"), plain.read("train")
    length, hue = read["length"][:, 0], read["hue"][:, 0]
    assert not ((length > 0.2) & (length < 0.4)).any() and length.max() < 0.8
    assert not ((hue > 0.3) & (hue < 0.4)).any() and hue.max() > 0.97
    even = before["length"][:, 0] * 0.6
    np.testing.assert_allclose(length, np.where(even < 0.2, even, even + 0.2), atol=1e-6)
    np.testing.assert_array_equal(read["x"], before["x"])
    for name, x in plain.read("test").items():
        np.testing.assert_array_equal(source.read("test")[name], x)


@pytest.mark.parametrize(
    ("stretches", "told"),
    [
        ({"lenght": ((0, 1),)}, "did you mean 'length'"),
        ({"category": ((0, 1),)}, "'category' is no number"),
        ({"value": ((0.2, 0.5),)}, r"within 0\.35 to 0\.8"),
        ({"length": (0.4, 0.6)}, r"expected \(\(from, to\)"),
        ({"length": ((0.4, 0.6), (0.5, 0.7))}, "do not overlap"),
        ({"length": ((0, 0.5), (0.5, 1))}, "leave some"),
        ({"length": ()}, r"expected \(\(from, to\)"),
    ],
)
def test_stretches_that_cannot_be_withheld_are_refused(stretches, told):
    with pytest.raises(ConfigError, match=told):
        withholding(products(16), stretches)


@functools.partial(jax.jit, static_argnums=0)
def random_items(count):
    """Factors [count, ...] of random items."""
    return jax.vmap(drawn)(jax.random.split(jax.random.key(3), count))


def items(size=32, count=24, **given):
    """Factors [count, ...] of random items, some of them given, and pictures and distances."""
    factors = dict(jax.device_get(random_items(count)))
    for name, value in given.items():
        of = factors[name]
        factors[name] = np.broadcast_to(np.asarray(value, of.dtype), (count,)).reshape(of.shape)
    return factors


@pytest.fixture(scope="module")
def shown():
    """Pictures [N, size, size, 3] in 0..1 of items: one program for each size."""
    programs = {}

    def show(factors, size=32):
        if size not in programs:
            programs[size] = jax.jit(jax.vmap(lambda f: render.image(f, size)))
        return np.asarray(programs[size](factors))

    return show


@functools.partial(jax.jit, static_argnums=1)
def distances(factors, size):
    """[N, size^2]: of pixels from the items."""
    at = tuple(jnp.asarray(x) for x in render.grid(size))
    return jax.vmap(lambda f: render.drawing(f, at, size).whole)(factors)


def whole(factors, size=32):
    found = distances(factors, size)
    return np.asarray(found).reshape(-1, size, size) < 0


def test_orientation_by_moments_and_area_by_scale():
    """Of trousers, which are longer than wide: within two degrees; areas within 4 %."""
    degrees = np.linspace(-20, 20, 24, dtype=np.float32)
    scales = np.linspace(0.74, 0.94, 24, dtype=np.float32)
    same = {"category": 2, "length": 1.0, "width": 0.0, "flare": 0.0, "x": 0.0, "y": 0.0}
    mask = whole(items(rotation=degrees, scale=scales, **same))
    x, y = (a.reshape(32, 32) for a in render.grid(32))
    for m, angle in zip(mask, degrees, strict=True):
        covariance = np.cov(x[m], y[m])
        _, axes = np.linalg.eigh(covariance)
        found = np.rad2deg(np.arctan2(-axes[0, 1], axes[1, 1]))
        assert abs((found - angle + 90) % 180 - 90) < 2
    share = mask.mean((1, 2)) / scales**2
    np.testing.assert_allclose(share, share.mean(), rtol=0.04)


def test_mean_colour_is_the_hue_that_was_asked_for(shown):
    hues = np.linspace(0, 1, 24, endpoint=False, dtype=np.float32)
    factors = items(category=8, texture=0, hue=hues, rotation=0.0, x=0.0, y=0.0)
    middle = shown(factors)[:, 14:18, 11:15].mean((1, 2))
    found = np.array([colorsys.rgb_to_hsv(*x)[0] for x in middle])
    assert np.abs((found - hues + 0.5) % 1 - 0.5).max() < 0.01


def test_background_silhouette_and_orientation_are_read_off_the_picture(shown):
    """Of trousers of many colours: within 2 % of the range, a pixel, three degrees."""
    degrees = np.linspace(-20, 20, 24, dtype=np.float32)
    scales = np.linspace(0.74, 0.94, 24, dtype=np.float32)
    same = {"category": 2, "texture": 0, "length": 1.0, "width": 0.0, "flare": 0.0}
    factors = items(rotation=degrees, scale=scales, **same)
    behind, front = jax.jit(jax.vmap(proposals.foreground_of))(shown(factors))
    assert np.abs(behind - factors["background"][:, 0]).max() < 0.02
    front, mask, one = np.asarray(front) > 0.5, whole(factors), np.ones((1, 3, 3))
    assert front[binary_erosion(mask, one)].all() and not front[~binary_dilation(mask, one)].any()
    x, y = (a.reshape(32, 32) for a in render.grid(32))
    for m, angle in zip(front, degrees, strict=True):
        _, axes = np.linalg.eigh(np.cov(x[m], y[m]))
        found = np.rad2deg(np.arctan2(-axes[0, 1], axes[1, 1]))
        assert abs((found - angle + 90) % 180 - 90) < 3


def test_the_same_seed_and_index_are_the_same_item_at_every_resolution_up_to_sampling(held, shown):
    """Factors bitwise; means of blocks of the largest picture are nearly the smaller ones."""
    count = len(held["hue"])
    middle = products(32, columns=tuple(FACTORS), test=count).read("test")
    large = products(256, test=count).read("test", 3)
    for name in FACTORS:
        np.testing.assert_array_equal(held[name], middle[name])
        np.testing.assert_array_equal(held[name][:3], large[name])
    smaller = {16: held["image"] / 255, 32: shown(middle)}
    for size, most in ((16, 0.018), (32, 0.008)):
        block = 256 // size
        means = large["image"].reshape(3, size, block, size, block, 3).mean((2, 4)) / 255
        assert np.abs(means - smaller[size][:3]).mean() < most, size


def test_a_mask_has_the_same_area_at_another_resolution():
    factors = items()
    np.testing.assert_allclose(whole(factors).mean(), whole(factors, 64).mean(), rtol=0.01)


CONTINUOUS = [name for name, kind in FACTORS.items() if not kind.cycle]


@jax.jit
def bent(factors, push, t):
    """Pictures of items moved by `t` along `push`, and their first and second derivatives by t."""

    def one(factors, push):
        def picture(t):
            return render.image({**factors, **{n: factors[n] + t * push[n] for n in push}}, 16)

        def slope(t):
            return jax.jvp(picture, (t,), (jnp.ones_like(t),))

        (shown, first), (_, second) = jax.jvp(slope, (t,), (jnp.ones_like(t),))
        return shown, first, second

    return jax.vmap(one)(factors, push)


def as_differences(at):
    """Asserts of (values, slopes, bends) of a function at `t` that they are, but for kinks, those
    of finite differences at 0.
    """
    step = np.float32(1e-3)
    (before, slope_before, _), (_, first, second), (after, slope_after, _) = (
        jax.device_get(at(t)) for t in (-step, 0 * step, step)
    )
    for found, wanted in (
        (first, (after - before) / (2 * step)),
        (second, (slope_after - slope_before) / (2 * step)),
    ):
        assert np.isfinite(found).all()
        near = np.abs(found - wanted) <= 0.02 * np.abs(wanted) + 0.05 * np.abs(wanted).mean() + 0.02
        assert near.mean() > 0.97
    assert np.abs(first).max() > 0.1


@pytest.mark.parametrize("factor", ["texture_scale", "texture_angle", "hue"])
def test_textures_and_colours_are_twice_differentiable(factor):
    """Of all textures but plain, and of twelve hues; whole pictures are the slow tier's."""
    as_differences(lambda t: curved(t, np.float32(factor == "texture_scale"), factor == "hue"))


@functools.partial(jax.jit, static_argnums=2)
def curved(t, scaled, hues):
    """Of textures by their scale or their angle in turns, or of colours by their hue: the shares
    of the second colour, or RGB, with their first and second derivatives.
    """
    x, y = (jnp.asarray(a) for a in render.grid(16))

    def texture(one, t):
        weights = textures.one_hot(one)
        period, angle = 0.45 + 0.3 * t * scaled, 30 + 180 * t * (1 - scaled)
        return textures.share(x, y, weights, period, angle, jnp.float32(0.05))

    def colour(one, t):
        return render.rgb((one + 0.5) / 12 + t, jnp.float32(0.8), jnp.float32(0.7))

    made, each = (colour, jnp.arange(12)) if hues else (texture, jnp.arange(1, len(TEXTURES)))

    def bend(one):
        def slope(t):
            return jax.jvp(lambda t: made(one, t), (t,), (jnp.ones_like(t),))

        (shown, first), (_, second) = jax.jvp(slope, (t,), (jnp.ones_like(t),))
        return shown, first, second

    return jax.vmap(bend)(each)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTINUOUS)
def test_pictures_are_twice_differentiable_in_every_continuous_factor(name):
    """By finite differences, but for kinks, of every garment and texture in turn; hues and angles
    too.
    """
    factors = items(category=np.arange(24) % 10, texture=np.arange(24) % 6)
    low, high = (kind[0] for kind in (FACTORS[name].low, FACTORS[name].high))
    push = {n: np.full((24, 1), (high - low) * (n == name), np.float32) for n in CONTINUOUS}
    as_differences(lambda t: bent(factors, push, t))


@pytest.mark.parametrize("shape", [shapes.bar, shapes.ellipse])
def test_second_derivatives_of_shapes_are_finite_everywhere(shape):
    """In the middle of an ellipse too, where a square root is of 0."""
    numbers = np.float32([0.0, 0.0, 0.3, 0.4, 0.1, 0.2, 0.04])
    ticks = np.linspace(-1, 1, 5, dtype=np.float32)
    x, y = (a.ravel() for a in np.meshgrid(ticks, ticks))

    def covered(b, x, y):
        return shapes.coverage(shape(x, y, b), jnp.float32(0.3))

    bends = jax.jit(jax.vmap(jax.hessian(covered), (None, 0, 0)))(numbers, x, y)
    assert np.isfinite(bends).all() and np.abs(bends).max() > 0


@pytest.mark.slow
def test_second_derivatives_by_reverse_mode_are_finite():
    """As penalties of gradients take them, of every garment and texture in turn."""
    factors = items(category=np.arange(24) % 10, texture=np.arange(24) % 6)
    values = {name: factors[name] for name in CONTINUOUS}

    def both(values, factors):
        slope = jax.grad(lambda x: (render.image({**factors, **x}, 16) ** 2).sum())
        return slope(values), jax.grad(lambda x: optax.tree.norm(slope(x)))(values)

    first, second = jax.jit(jax.vmap(both))(values, factors)
    for name in CONTINUOUS:
        assert np.isfinite(second[name]).all() and np.isfinite(first[name]).all(), name
        assert np.abs(first[name]).max() > 0 and np.abs(second[name]).max() > 0, name


def test_columns_that_nobody_asks_for_are_not_computed(source):
    """No array of a program is as large as a picture is."""

    def largest(columns):
        index = np.arange(24, dtype=np.uint32)  # as in `held`, whose trace it is
        made = jax.make_jaxpr(lambda i: source.only(columns)._drawn(np.uint32(2), i))(index)
        return max(v.aval.size for e in made.eqns for v in e.outvars) / len(index)

    assert largest(("hue", "category")) < 128 < 256 <= largest(("image", *FACTORS))


CHEAP = ("image", *FACTORS, "masked", "holes", "grey", "low_resolution", "sentence")
CHEAP += ("mask", "edges", "noisy", "blurred")


def further(names):
    """Columns of eight items, and the source."""
    source = products(16, columns=names, test=8, validation=1, damage=Damage(holes=0.3))
    return source, source.read("test")


@pytest.fixture(scope="module")
def cheap():
    """Those of CHEAP: one program."""
    return further(CHEAP)


def test_further_columns_are_in_register_with_the_picture(cheap):
    source, read = cheap
    image, hole = read["image"].astype(int), read["holes"]
    np.testing.assert_array_equal(read["masked"], np.where(hole, 128, image))
    assert (hole.sum((1, 2, 3)) == round(0.3 * 256)).all()
    grey = (image * [0.299, 0.587, 0.114]).sum(-1, keepdims=True)
    np.testing.assert_allclose(read["grey"], grey, atol=1.01)
    blocks = image.reshape(8, 4, 4, 4, 4, 3).mean((2, 4))
    np.testing.assert_allclose(read["low_resolution"][:, ::4, ::4], blocks, atol=1.01)
    for i, ids in enumerate(read["sentence"]):
        text = describe({name: x[i] for name, x in read.items()})
        np.testing.assert_array_equal(source.columns["sentence"].parse(text), ids)
        assert CATEGORIES[read["category"][i]] in text


def test_a_mask_is_of_the_item(cheap):
    """Which is in the middle of its picture, and not in a corner."""
    mask = cheap[1]["mask"]
    assert mask[:, 7:9, 7:9].any((1, 2, 3)).all() and not mask[:, [0, 0, -1], [0, -1, 0]].any()


def test_a_sketch_has_the_items_contour_and_nothing_beside_the_item(cheap):
    mask, ink = cheap[1]["mask"], 255 - cheap[1]["edges"].astype(int)
    square = np.ones((1, 3, 3, 1))
    deep, near, far = (
        binary_erosion(mask, square), binary_dilation(mask, square),
        ~binary_dilation(mask, square, iterations=2),
    )  # fmt: skip
    assert ink[far].max() < 30 and ink[near & ~deep].mean() > 1.5 * ink[deep].mean() > 5


def test_noise_and_blur_are_of_the_stated_amounts(cheap):
    """Of a tenth of the range where nothing is clipped; a Gaussian of 4 % of the height."""
    image, noisy = (cheap[1][name] / 255 for name in ("image", "noisy"))
    inside = (0.3 < image) & (image < 0.7)
    assert (noisy - image)[inside].std() == pytest.approx(0.1, rel=0.1)
    blurred = gaussian_filter(image, (0, 0.64, 0.64, 0), mode="nearest")[:, 2:-2, 2:-2]
    assert np.abs(cheap[1]["blurred"][:, 2:-2, 2:-2] / 255 - blurred).max() < 0.02


def test_a_sentence_names_the_nearest_hue():
    factors = {name: np.float32([0.5]) for name in FACTORS}
    factors |= {"category": np.int32(0), "texture": np.int32(0)}
    for hue, word in ((0.0, "red"), (0.98, "red"), (1 / 3, "green"), (0.66, "blue")):
        assert f" {word} plain" in f" {describe(factors | {'hue': np.float32([hue])})}"


@pytest.mark.slow
def test_every_column_is_of_its_kind_and_defects_are_on_the_item():
    source, read = further(tuple(kinds(16)))
    for name, kind in source.columns.items():
        np.testing.assert_array_equal(kind.check(name, read[name]), read[name])
    changed = np.abs(read["flawed"].astype(int) - read["image"]).max(-1, keepdims=True) > 40
    near = binary_dilation(read["mask"], np.ones((1, 3, 3, 1)))  # their edges are soft
    assert changed.any() and not (changed & ~near).any()
    assert (read["defect"].any((1, 2, 3)) <= (read["flaw"] > 0)).all()


def test_every_number_of_a_category_is_affine_in_its_shape():
    rng = np.random.default_rng(0)
    for made, rows in zip(categories.MADE, categories.table(), strict=True):
        shape = categories.Shape(*rng.random(3))
        np.testing.assert_allclose(rows.T @ [1, *shape], categories.flat(made(shape)), atol=1e-5)


def test_least_squares_finds_the_argument():
    found, error = jax.jit(
        lambda start: decoder.least_squares(
            lambda x: jnp.array([x[0] ** 2 - 0.25, x[0] * x[1] - 0.1, x[1] - 0.2]), start, 12
        )
    )(np.float32([0.9, 0.9]))
    np.testing.assert_allclose(found, [0.5, 0.2], atol=1e-3)
    assert error < 1e-6


def test_colours_and_errors_of_textures_are_those_of_least_squares():
    """Against NumPy, a texture at a time, on places of random shares."""
    rng = np.random.default_rng(0)
    none, full = rng.uniform(0, 0.5, (2, 2, 40))
    mixed, rest = rng.uniform(size=(3, 40)), rng.uniform(size=(40, 3))
    given = (np.float32(x) for x in (mixed, none, full, rest))
    colours, errors = jax.device_get(jax.jit(proposals.solved)(*given))
    for m, found, error in zip(mixed, colours, errors, strict=True):
        basis = none + m[None] * (full - none)
        ridge = np.vstack([basis.T, np.sqrt(1e-3) * np.eye(2)])
        wanted = np.linalg.lstsq(ridge, np.vstack([rest, np.zeros((2, 3))]), rcond=None)[0]
        np.testing.assert_allclose(found, np.clip(wanted, 0, 1), atol=1e-4)
        left = rest - basis.T @ np.clip(wanted, 0, 1)
        np.testing.assert_allclose(error, (left**2).sum(), rtol=1e-4)


@pytest.mark.slow
def test_factors_decode_back_from_the_picture():
    source = products(32, validation=1, test=64)
    assert isinstance(source, Decodes)
    read = source.read("test")
    found = source.decode(read["image"])
    for name in ("category", "texture"):
        assert (found[name] == read[name]).mean() >= 0.9
    for name in ("hue", "value", "x", "y", "scale", "rotation", "background", "light"):
        kind = FACTORS[name]
        off = np.abs(kind.difference(found[name], read[name]))
        assert np.median(off) < 0.02 * (kind.high[0] - kind.low[0]), name
    with pytest.raises(ConfigError, match="expected uint8"):
        source.decode(read["image"] / 255.0)


@jax.jit
def shared(texture, angle):
    """The shares of a texture's second colour, on 16x16 pixels."""
    x, y = (jnp.asarray(a) for a in render.grid(16))
    weights = textures.one_hot(texture)
    return textures.share(x, y, weights, jnp.float32(0.45), angle, jnp.float32(0.05))


@pytest.mark.parametrize("texture", TEXTURES)
def test_textures_are_the_same_again_after_half_a_turn(texture):
    """So that the angle's column has a period of 180 degrees."""
    before, after = (
        np.asarray(shared(np.int32(TEXTURES.index(texture)), np.float32(angle)))
        for angle in (30.0, 210.0)
    )
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert (np.ptp(before) > 0.3) == (texture != "plain")


@pytest.mark.slow
def test_an_item_may_be_plain_or_of_another_colour_and_is_the_same_otherwise():
    names = ("image", "plain", "recoloured", "colour", "hue", "texture")
    held = products(32, columns=names, test=24).read("test")
    plain = held["texture"] == TEXTURES.index("plain")
    differ = (held["image"] != held["plain"]).any((1, 2, 3))
    np.testing.assert_array_equal(differ, ~plain)
    assert (held["image"] != held["recoloured"]).any((1, 2, 3)).all()
    nearest = np.rint(held["hue"][:, 0] * 6) % 6
    np.testing.assert_array_equal(held["colour"], nearest)
    ground = held["image"][:, 0, 0].astype(int), held["recoloured"][:, 0, 0].astype(int)
    assert np.abs(ground[0] - ground[1]).max() <= 1  # the corner is background
