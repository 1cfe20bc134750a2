"""Augmentations against NumPy and SciPy in float64, given what was drawn; and what was drawn
against the papers' ranges.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.spatial.transform
from helpers.devices import on_devices
from jax import random

from genlab import augment
from genlab.augment import ada, diffaugment
from genlab.config import ConfigError, as_dict, build, spec

KEY = random.key(3)
B, H, W = 16, 10, 8
RGB = np.float32(np.random.default_rng(0).uniform(-1, 1, (B, H, W, 3)))
GREY = RGB[..., :1]
KINDS = {
    "instance noise": augment.instance_noise(0.1),
    "diff augment": augment.diff_augment(),
    "pipe": augment.augment_pipe(lambda step: step / 10, cutout=1.0),
}
every = pytest.mark.parametrize("name", KINDS)


@cache
def compiled(name):
    """(x, key, step) -> what `x` looks like, the gradients of s = |look|^2 and of |grad s|^2."""
    transform = KINDS[name]

    def all_of_it(x, key, step):
        def first(x):
            return jax.grad(lambda x: (transform(x, key, step) ** 2).sum())(x)

        return transform(x, key, step), first(x), jax.grad(lambda x: (first(x) ** 2).sum())(x)

    return jax.jit(all_of_it)


def numpy(drawn):
    """The draws of each image, in float64."""
    fields = [np.asarray(field, np.float64) for field in drawn]
    return [type(drawn)(*(field[i] for field in fields)) for i in range(len(fields[0]))]


@every
def test_random_for_each_image_and_a_function_of_the_key(name):
    same = np.repeat(RGB[:1], B, axis=0)

    def transform(x, key):
        return np.asarray(compiled(name)(x, key, 8.0)[0])

    out, again, other = transform(same, KEY), transform(same, KEY), transform(same, random.key(4))
    assert out.shape == same.shape and out.dtype == np.float32 and np.isfinite(out).all()
    assert np.array_equal(out, again) and not np.array_equal(out, other)
    assert len(np.unique(out.reshape(B, -1), axis=0)) == B
    same[1] = 0.5
    changed = transform(same, KEY)  # an image is seen the same beside any other
    assert np.array_equal(changed[0], out[0]) and np.array_equal(changed[2:], out[2:])


@every
def test_the_gradient_is_exact_and_passes_twice(name):
    """Each is affine in x, so |look|^2 has the directional derivative 2 <look, look' d>."""
    d = np.float32(np.random.default_rng(9).normal(size=RGB.shape))
    out, once, twice = jax.device_get(compiled(name)(RGB, KEY, 8.0))
    moved = np.asarray(compiled(name)(RGB + d, KEY, 8.0)[0])
    along = 2 * (out * (moved - out)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose((once * d).sum(axis=(1, 2, 3)), along, rtol=1e-3, atol=1e-3)
    for slope in (once, twice):
        sizes = np.abs(slope).sum(axis=(1, 2, 3))
        assert np.isfinite(slope).all() and sizes.min() > 0


def test_instance_noise_has_its_schedule_s_deviation_and_takes_points():
    points = np.ones((40_000, 2), np.float32)
    noisy = jax.jit(augment.instance_noise(optax.linear_schedule(0.5, 0.0, 10)))
    transform = lambda *given: np.asarray(noisy(*given))  # noqa: E731
    for step, std in ((0, 0.5), (5, 0.25)):
        noise = transform(points, KEY, step) - points
        assert float(noise.std()) == pytest.approx(std, rel=0.02)
        assert abs(float(noise.mean())) < 0.01
    assert np.array_equal(transform(points, KEY, 10), points)


@pytest.fixture(scope="module")
def moves():
    """Draws of DiffAugment: shifts of up to 3 and 2 pixels, holes of 5 x 4."""
    return jax.device_get(jax.jit(lambda: diffaugment.draw(KEY, (8000, H, W, 3), 0.3, 0.5))())


@pytest.mark.parametrize("x", [RGB, GREY], ids=["rgb", "grey"])
def test_diff_augment_against_numpy(x, moves):
    drawn = jax.tree.map(lambda field: field[:B], moves)
    out = jax.jit(partial(diffaugment.augmented, policy=tuple(diffaugment.AUGMENTATIONS)))(x, drawn)
    for image, d, got in zip(np.asarray(x, np.float64), numpy(drawn), out, strict=True):
        image = image + d.brightness
        pixel = image.mean(axis=2, keepdims=True)
        image = (image - pixel) * d.saturation + pixel
        image = (image - image.mean()) * d.contrast + image.mean()
        image = scipy.ndimage.shift(image, (*d.shift, 0), order=0, mode="constant")
        top, left = d.corner.astype(int)
        for row in range(top, top + 5):
            for column in range(left, left + 4):
                if 0 <= row < H and 0 <= column < W:
                    image[row, column] = 0
        np.testing.assert_allclose(got, image, atol=2e-6)


def test_diff_augment_draws_the_official_ranges(moves):
    for value, low, high in (
        (moves.brightness, -0.5, 0.5),
        (moves.saturation, 0.0, 2.0),
        (moves.contrast, 0.5, 1.5),
    ):
        assert low <= float(value.min()) < low + 0.01 and high - 0.01 < float(value.max()) < high
        assert float(value.mean()) == pytest.approx((low + high) / 2, abs=0.02)
    for values, expected in (
        (moves.shift[:, 0], np.arange(-3, 4)),  # 3 of 10
        (moves.shift[:, 1], np.arange(-2, 3)),  # 2.4 of 8, rounded
        (moves.corner[:, 0], np.arange(-2, 8)),  # an odd hole: its middle is any of the 10 rows
        (moves.corner[:, 1], np.arange(-2, 7)),  # an even one: it may be past the last of 8
    ):
        found, counts = np.unique(np.asarray(values), return_counts=True)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(counts / 8000, 1 / len(expected), rtol=0.2)
    np.testing.assert_array_equal(np.unique(np.asarray(moves.hole), axis=0), [[5, 4]])
    default = as_dict(spec(augment.diff_augment))
    assert (default["translation"], default["cutout"]) == (1 / 8, 1 / 2)


def test_diff_augment_follows_its_policy():
    nothing, moved = augment.diff_augment(()), augment.diff_augment(("translation",))
    both = jax.jit(lambda x: (nothing(x, KEY, 0), moved(x, KEY, 0)))
    still, shifted = jax.device_get(both(RGB))
    assert np.array_equal(still, RGB) and np.isin(shifted, RGB).mean() > 0.5
    assert (np.isin(shifted, RGB) | (shifted == 0.0)).all()
    with pytest.raises(ConfigError, match=r"no augmentation 'color'; did you mean 'colour'"):
        augment.diff_augment(("color",))


@pytest.fixture(scope="module")
def draws():
    """Draws of the pipe at p = 1/2, each group with a factor of its own."""
    return jax.device_get(jax.jit(lambda: ada.draw(KEY, 20_000, 0.5, 0.6, 1.0, 0.8, 0.4))())


def test_the_pipe_at_zero_is_the_identity():
    assert np.array_equal(compiled("pipe")(RGB, KEY, 0.0)[0], RGB)


@pytest.fixture(scope="module")
def augmented():
    whole = jax.jit(ada.augmented)
    return lambda x, drawn: np.asarray(whole(x, drawn))


def test_the_pipe_against_scipy(draws, augmented):
    """The authors' matrices, inverted, with SciPy's interpolation; their colours, by pixel."""
    some = np.flatnonzero(np.asarray(draws.flip * draws.turns * draws.luma * draws.hue))[: B // 2]
    drawn = jax.tree.map(lambda field: field[[*some, *range(B - len(some))]], draws)
    out, grey = augmented(RGB, drawn), augmented(GREY, drawn)
    for i, d in enumerate(numpy(drawn)):
        image = np.stack([sampled(np.float64(RGB[i, ..., c]), d) for c in range(3)], axis=-1)
        np.testing.assert_allclose(out[i], cut(colours(image, d), d), atol=1e-4)
        image = d.contrast * (sampled(np.float64(GREY[i, ..., 0]), d) + d.brightness)
        image = cut((-image if d.luma else image)[..., None], d)
        np.testing.assert_allclose(grey[i], image, atol=1e-4)


def sampled(image, d):
    """A pixel's place (x, y, 1) from the centre is multiplied from the left by one matrix after
    another; the value at a place of the result is the one at the place that is moved there.
    """

    def turn(angle):
        return np.array(
            [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )

    def shift(x, y):
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])

    whole = np.eye(3)
    for matrix in (
        np.diag([1 - 2 * d.flip, 1, 1]),
        turn(-np.pi / 2 * d.turns),
        shift(round(d.shift[0] * W), round(d.shift[1] * H)),
        np.diag([d.scale, d.scale, 1]),
        turn(-d.before),
        np.diag([d.stretch, 1 / d.stretch, 1]),
        turn(-d.after),
        shift(d.slide[0] * W, d.slide[1] * H),
    ):
        whole = matrix @ whole
    y, x = np.meshgrid(np.arange(H) - (H - 1) / 2, np.arange(W) - (W - 1) / 2, indexing="ij")
    x, y, _ = np.einsum("ij,jhw->ihw", np.linalg.inv(whole), np.stack([x, y, np.ones_like(x)]))
    at = (y + (H - 1) / 2, x + (W - 1) / 2)
    return scipy.ndimage.map_coordinates(image, at, order=1, mode="mirror")


def colours(image, d):
    """The product of the authors' 4 x 4 matrices, on (r, g, b, 1)."""
    v = np.array([1.0, 1.0, 1.0, 0.0]) / np.sqrt(3)
    brighter, along = np.eye(4), np.outer(v, v)
    brighter[:3, 3] = d.brightness
    turn = scipy.spatial.transform.Rotation.from_rotvec(d.hue * v[:3]).as_matrix()
    whole = (
        (along + (np.eye(4) - along) * np.array([d.saturation] * 3 + [1.0]))
        @ scipy.linalg.block_diag(turn, 1)
        @ (np.eye(4) - 2 * d.luma * along)
        @ np.diag([d.contrast] * 3 + [1.0])
        @ brighter
    )
    return image @ whole[:3, :3].T + whole[:3, 3]


def cut(image, d):
    image = image.copy()
    for row in range(H):
        for column in range(W):
            x, y = (column + 0.5) / W, (row + 0.5) / H
            if max(abs(x - d.centre[0]), abs(y - d.centre[1])) < d.hole / 2:
                image[row, column] = 0
    return image


def test_blitting_only_moves_pixels(draws, augmented):
    still = jax.tree.map(lambda field, no: np.full_like(field[:B], no), draws, ada.NOTHING)
    some = {name: getattr(draws, name)[:B] for name in ("flip", "turns", "shift")}
    out = augmented(RGB, still._replace(**some))
    assert np.isin(out, RGB).all() and not np.array_equal(out, RGB)


def test_the_pipe_draws_the_official_distributions(draws):
    """Frequencies of what is not left alone, and the spread of what is done."""
    on = jax.tree.map(lambda field, no: np.asarray(field != no), draws, ada.NOTHING)
    d = ada.Drawn(*(np.asarray(field) for field in draws))
    for name, often in {
        "flip": 0.3 / 2,  # half of the flips flip
        "turns": 0.3 * 3 / 4,
        "shift": 0.3,
        "scale": 0.5,
        "stretch": 0.5,
        "slide": 0.5,
        "before": 1 - np.sqrt(0.5),
        "after": 1 - np.sqrt(0.5),
        "brightness": 0.4,
        "contrast": 0.4,
        "luma": 0.4 / 2,
        "hue": 0.4,
        "saturation": 0.4,
        "hole": 0.2,
    }.items():
        assert getattr(on, name).mean() == pytest.approx(often, abs=0.015), name
    assert (on.before | on.after).mean() == pytest.approx(0.5, abs=0.015)
    for both in (on.shift, on.slide):
        assert (both[:, 0] == both[:, 1]).all()  # across and down together
    angle = np.pi / np.sqrt(3)
    for name, of, spread in (
        ("shift", np.array, 0.125 / np.sqrt(3)),
        ("slide", np.array, 0.125),
        ("scale", np.log2, 0.2),
        ("stretch", np.log2, 0.2),
        ("brightness", np.array, 0.2),
        ("contrast", np.log2, 0.5),
        ("saturation", np.log2, 1.0),
        ("before", np.array, angle),
        ("after", np.array, angle),
        ("hue", np.array, angle),
    ):
        done = of(getattr(d, name))[getattr(on, name)]
        assert done.std() == pytest.approx(spread, rel=0.04), name
        assert abs(done.mean()) < 0.04 * spread, name
    assert d.hole.max() == 0.5 and d.centre.std() == pytest.approx(1 / np.sqrt(12), rel=0.02)
    columns = [*(f[:, None] if f.ndim == 1 else f for f in d)]
    drawn_apart = np.corrcoef(np.concatenate(columns, axis=1).T) - np.eye(18)
    assert np.abs(drawn_apart).max() < 0.04


def test_the_pipe_follows_its_schedule():
    for step in (1.0, 8.0):
        out = np.asarray(compiled("pipe")(RGB, KEY, step)[0])
        assert bool((out == RGB).all(axis=(1, 2, 3)).any()) == (step < 5)


def test_the_controller_s_view_is_the_pipe_at_the_p_it_remembers():
    """One and the same program, but for the factors, given at their values."""
    pipe, carried = KINDS["pipe"], augment.adaptive(cutout=1.0)
    one = jax.make_jaxpr(pipe)(RGB, KEY, 8.0)
    two = jax.make_jaxpr(lambda x, key, step: carried.see(x, key, 0, step / 10, 0.0, 0.0))
    assert str(one) == str(two(RGB, KEY, 8.0))


def test_the_pipe_refuses_what_has_no_colours():
    with pytest.raises(ConfigError, match=r"1 or 3 channels, x is \(16, 10, 8, 4\)"):
        jax.eval_shape(lambda: augment.augment_pipe(0.1)(jnp.zeros((B, H, W, 4)), KEY, 0))


def control(transform, signs, memory=None):
    """p after each of the critic's moves, on logits of the given mean signs, 10 at a time."""
    memory, seen = transform.start if memory is None else memory, []
    remember = jax.jit(transform.remember)
    for mean in signs:
        above = round(5 * (1 + mean))
        real = np.float32([2.0] * above + [-3.0] * (10 - above))
        memory = remember(real, -real, *memory)
        seen.append(float(memory[0]))
    return seen


def test_the_controller_by_hand():
    """Four moves of ten images make a decision, which moves p by 40 / 1000."""
    transform = augment.adaptive(images_per_full=1000)
    assert transform.start == (0.0, 0.0, 0.0)
    signs = [1.0, 1.0, 1.0, 0.4] + [1.0, 0.8, 0.2, 0.2] + [-1.0] * 4 + [1.0, 1.0, 1.0, 0.4]
    expected = [0, 0, 0, 0.04] + [0.04, 0.04, 0.04, 0.0] + [0.0] * 4 + [0, 0, 0, 0.04]
    np.testing.assert_allclose(control(transform, signs), expected, atol=1e-6)


def test_the_controller_s_pace_start_and_bounds():
    fast = augment.adaptive(images_per_full=100, every=1, start=0.95)
    np.testing.assert_allclose(control(fast, [1.0, 1.0, 0.0, 0.0]), [1.0, 1.0, 0.9, 0.8], atol=1e-6)
    packed = augment.adaptive(images_per_full=100, every=1, batch=20)
    np.testing.assert_allclose(control(packed, [1.0, 1.0]), [0.2, 0.4], atol=1e-6)
    full = augment.adaptive(
        images_per_full=400, every=2
    )  # 40 moves up: all the way, and no further
    assert control(full, [1.0] * 45)[::-1][5:] == pytest.approx(
        [min(1.0, (i // 2) * 0.05) for i in range(1, 41)][::-1], abs=1e-5
    )


def test_the_controller_hears_every_device():
    """Under a named axis a decision rests on the global batch, in signs and in size."""
    transform = augment.adaptive(target=0.0, images_per_full=100, every=1)
    real = jnp.array([[1.0, 1.0], [-1.0, 1.0]])  # each half alone: 1 and 0; together 1/2

    def remember(real):
        return transform.remember(real, real, *(jnp.float32(m) for m in transform.start))[0]

    p = on_devices(remember)(real)
    np.testing.assert_allclose(p, [0.04, 0.04], atol=1e-6)


def test_numbers_may_be_tracers_and_views_are_configs():
    for node in (
        spec(augment.diff_augment, policy=("translation", "cutout")),
        spec(augment.augment_pipe, 0.3),
        spec(augment.instance_noise, 0.3),
        spec(augment.instance_noise, spec(optax.linear_schedule, 0.1, 0.0, 10)),
    ):
        plain = as_dict(node)
        assert plain["call"].startswith("genlab.augment:")
        numbers = {name: value for name, value in plain.items() if isinstance(value, float)}

        def seen(numbers, plain=plain):
            return build({**plain, **numbers})(RGB, KEY, 0)

        jax.eval_shape(seen, numbers)

    def remembered(numbers):
        transform = build({**as_dict(spec(augment.adaptive)), **numbers})
        return transform.remember(RGB[:, 0, 0, 0], RGB[:, 0, 0, 0], *transform.start)

    numbers = {"target": 0.5, "images_per_full": 100.0, "every": 2, "start": 0.1, "batch": 4.0}
    jax.eval_shape(remembered, numbers)
