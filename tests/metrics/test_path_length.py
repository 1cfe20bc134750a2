"""Perceptual path length: linear generators, whose answer is known, and the two kinds of path."""

import numpy as np
import pytest
from metrics.golden import path_length as golden
from metrics.golden.case import compare

from genlab.metrics.path_length import Squared, lerp, perceptual_path_length, slerp


def latents(n=500, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(2, n, d))


def squared(x, y):
    return ((x - y) ** 2).sum(-1)


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_the_reference(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_of_a_linear_generator_is_the_squared_length_of_its_straight_paths():
    (a, b), w = latents(), np.random.default_rng(1).normal(size=(6, 9))
    every = perceptual_path_length(
        lambda z: z @ w, squared, a, b, space="w", percentiles=(0, 100), batch=77
    )
    lengths = (((b - a) @ w) ** 2).sum(1)
    np.testing.assert_allclose(every, (lengths.mean(), lengths.std(), 500, 500), rtol=1e-6)


def test_of_a_linear_generator_and_normal_latents_is_2_w_squared():
    (a, b), w = latents(n=40_000), np.random.default_rng(1).normal(size=(6, 9))
    found = perceptual_path_length(
        lambda z: z @ w, squared, a, b, space="w", percentiles=(0, 100), batch=10_000
    )
    error = found.std / np.sqrt(found.count)
    assert abs(found.mean - 2 * (w**2).sum()) < 4 * error
    assert 4 * error < 0.05 * found.mean


def test_on_the_sphere_is_the_squared_angle():
    """The identity moves by the arc: uniform in speed, whatever t."""
    a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in latents())
    angle = np.arccos((a * b).sum(1))
    found = perceptual_path_length(lambda z: z, squared, a, b, percentiles=(0, 100))
    np.testing.assert_allclose(found.mean, (angle**2).mean(), rtol=1e-6)


def test_does_not_hang_on_the_step_where_the_generator_is_smooth():
    a, b = latents()
    first, second = (
        perceptual_path_length(np.tanh, squared, a, b, epsilon=epsilon).mean
        for epsilon in (1e-4, 1e-3)
    )
    np.testing.assert_allclose(first, second, rtol=5e-3)


def test_both_ends_of_a_path_are_under_its_label():
    """Class c is c times as large: a path's step, too; between labels it would be a leap."""
    a, b = latents(20)
    labels = np.random.default_rng(2).integers(1, 4, size=20)
    found = perceptual_path_length(
        lambda z, label: z * label[:, None], squared, a, b, space="w", percentiles=(0, 100),
        batch=7, labels=labels,
    )  # fmt: skip
    lengths = ((b - a) ** 2).sum(1) * labels**2
    np.testing.assert_allclose(found.mean, lengths.mean(), rtol=1e-6)


def test_squared_is_over_all_pixels_of_each_image():
    x = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype(np.float32)
    np.testing.assert_allclose(Squared()(x, -x), 4 * (x**2).sum((1, 2, 3)), rtol=1e-6)


def test_leaves_out_the_steps_beyond_the_percentiles():
    a, b = np.zeros((200, 1)), np.sqrt(np.arange(200.0))[:, None]
    found = perceptual_path_length(lambda z: z, squared, a, b, space="w")
    assert (found.kept, found.count) == (198, 200)  # 1 .. 198: the percentiles round outwards
    np.testing.assert_allclose(found.mean, np.arange(1, 199).mean(), rtol=1e-6)


def test_full_paths_are_sampled_all_along_and_ends_only_at_their_start():
    a, b = np.zeros((4000, 1)), np.ones((4000, 1))
    seen = {}
    for sampling in ("full", "end"):
        places = []

        def generate(z, places=places):
            places.append(z)
            return z

        perceptual_path_length(generate, squared, a, b, space="w", sampling=sampling, seed=3)
        seen[sampling] = np.concatenate(places[::2])
    assert (seen["end"] == 0).all()
    np.testing.assert_allclose(
        [seen["full"].mean(), seen["full"].var()], [1 / 2, 1 / 12], atol=0.01
    )


def test_is_the_same_for_a_seed_and_another_for_another():
    a, b = latents(50)
    runs = [perceptual_path_length(np.tanh, squared, a, b, seed=s, batch=n) for s, n in
            ((0, 64), (0, 7), (1, 64))]  # fmt: skip
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-12)
    assert runs[0].mean != runs[2].mean


@pytest.mark.parametrize("path", [lerp, slerp])
def test_a_path_begins_and_ends_where_it_is_told(path):
    a, b = latents(20)
    np.testing.assert_allclose(path(a, b, np.zeros((20, 1))), a, rtol=1e-12)
    np.testing.assert_allclose(path(a, b, np.ones((20, 1))), b, rtol=1e-12)


def test_slerp_keeps_the_length_and_turns_at_constant_speed():
    a, b = (3 * z / np.linalg.norm(z, axis=1, keepdims=True) for z in latents(20))
    angle = np.arccos((a * b).sum(1) / 9)
    for t in (0.25, 0.5, 0.9):
        z = slerp(a, b, np.full((20, 1), t))
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 3, rtol=1e-12)
        np.testing.assert_allclose(np.arccos((a * z).sum(1) / 9), t * angle, rtol=1e-6)


def test_slerp_of_one_direction_is_the_straight_line():
    a = latents(5)[0]
    for b in (2 * a, a * (1 + 1e-12)):
        np.testing.assert_allclose(slerp(a, b, np.full((5, 1), 0.3)), lerp(a, b, 0.3), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": "x"}, r"space='x'.*expected a space of \['z', 'w'\]"),
        ({"sampling": "some"}, "sampling='some'.*'full', 'end'"),
        ({"epsilon": 0.0}, "epsilon=0.0.*above 0"),
        ({"a": np.ones((3, 2, 2))}, r"\(3, 2, 2\); expected \[N, D\].*flatten"),
        ({"a": np.ones((2, 6))}, r"\(2, 6\) to \(3, 6\).*a path a row"),
        ({"labels": np.arange(2)}, r"labels \(2,\) for 3 paths.*give \[3\]"),
        ({"a": np.zeros((3, 6))}, "length 0, or opposite.*continuous density"),
        ({"distance": lambda x, y: -squared(x, y)}, "expected finite ones of at least 0"),
        ({"generate": lambda z: z * np.nan}, "from nan to nan"),
    ],
)
def test_refuses_what_has_no_path_length(change, message):
    a, b = latents(3)
    given = {"generate": np.tanh, "distance": squared, "a": a, "b": b, **change}
    with pytest.raises(ValueError, match=message):
        perceptual_path_length(**given)


def test_refuses_opposite_latents():
    a = latents(3)[0]
    with pytest.raises(ValueError, match="single great circle"):
        slerp(a, -a, np.full((3, 1), 0.5))
