"""Losses between pictures, and between their features, against NumPy in float64."""

import jax
import numpy as np
import pytest
from losses import picture_oracles as oracles
from losses.picture_oracles import named

from genlab.config import ConfigError
from genlab.losses import features, pictures
from genlab.metrics import image

RNG = np.random.default_rng(0)
LARGE = RNG.uniform(-1, 1, (2, 2, 14, 16, 2))
LARGE[1] = np.clip(0.6 * LARGE[0] + 0.4 * LARGE[1], -1, 1)  # alike, as SSIM's pictures are
SMALL = LARGE[:, :, 4:8, :5]
MAPS = tuple([RNG.normal(size=(2, *shape)) for shape in ((4, 4, 2), (2, 3, 5))] for _ in range(2))
PLACES = tuple(
    [v / np.linalg.norm(v, axis=-1, keepdims=True) for v in RNG.normal(size=(2, 2, 4, 3))]
    for _ in range(2)
)
MASK = RNG.random((2, 4, 5, 1)) > 0.5

# loss, the two that it compares, arguments
CASES = {
    "l1": (pictures.l1, SMALL, {}),
    "l2": (pictures.l2, SMALL, {}),
    "charbonnier": (pictures.charbonnier, SMALL, {}),
    "charbonnier, wide": (pictures.charbonnier, SMALL, {"epsilon": 0.3}),
    "gradient_difference": (pictures.gradient_difference, SMALL, {}),
    "edge": (pictures.edge, SMALL, {"epsilon": 0.1}),
    "total_variation": (pictures.total_variation, SMALL, {}),
    "masked": (pictures.masked, SMALL, {"mask": MASK}),
    "masked, squares": (
        pictures.masked,
        SMALL,
        {"mask": MASK, "norm": "l2", "hole": 1.0, "valid": 0.25},
    ),
    "ssim": (pictures.ssim, LARGE, {}),
    "ssim, small window": (pictures.ssim, SMALL, {"window": 3}),
    "ms_ssim": (pictures.ms_ssim, LARGE, {"window": 3, "scales": 2}),
    "content": (features.content, MAPS, {}),
    "content, weighed": (features.content, MAPS, {"layers": (0.5, 3.0)}),
    "content_l1": (features.content_l1, MAPS, {}),
    "gram": (features.gram, MAPS, {}),
    "gram_l1": (features.gram_l1, MAPS, {}),
    "statistics": (features.statistics, MAPS, {}),
    "patch_nce": (features.patch_nce, PLACES, {}),
    "patch_nce, warm": (features.patch_nce, PLACES, {"temperature": 0.5, "layers": (2.0, 1.0)}),
}


def test_every_loss_has_an_oracle():
    assert named(pictures) | named(features) == {case.split(",")[0] for case in CASES}


@pytest.mark.parametrize("case", CASES)
def test_a_loss_of_two_pictures_is_that_of_its_equation(case):
    """Value, and slope in the output along a random way."""
    loss, (output, target), arguments = CASES[case]
    oracle = getattr(oracles, case.split(",")[0])
    way = jax.tree.map(lambda x: RNG.normal(size=x.shape), list(output))
    step = 1e-6
    up, down = (
        oracle([x + s * w for x, w in zip(output, way, strict=True)]
               if isinstance(output, list) else output + s * np.array(way), target, **arguments)
        for s in (step, -step)
    )  # fmt: skip
    way = way if isinstance(output, list) else np.array(way)

    @jax.jit
    def both(output, target, given):
        def mean(output):
            values = loss(output, target, **{**arguments, **given})
            return values.mean(), values

        return jax.value_and_grad(mean, has_aux=True)(output)

    given = {name: np.float32(arguments[name]) for name in arguments if name == "mask"}
    (_, values), grads = both(*jax.tree.map(np.float32, (output, target)), given)
    assert values.shape == (2,)
    expected = oracle(output, target, **arguments)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    slope = sum(
        (np.float64(g) * w).sum()
        for g, w in zip(jax.tree.leaves(grads), jax.tree.leaves(way), strict=True)
    )
    np.testing.assert_allclose(slope, (up - down).mean() / 2 / step, rtol=1e-3, atol=1e-6)


def test_losses_of_structure_are_those_of_the_metrics_on_stored_pictures():
    """The two are written apart; both round nothing."""
    x, y = ((v + 1) / 2 for v in LARGE)
    seen = [np.float32(v) for v in LARGE]
    made, scaled = jax.jit(lambda a, b: (pictures.ssim(a, b), pictures.ms_ssim(a, b, window=5)))(
        *seen
    )
    np.testing.assert_allclose(1 - made, image.ssim(x, y, 1.0), rtol=1e-4)
    found = image.ms_ssim(x, y, 1.0, scales=2, window=5)
    np.testing.assert_allclose(1 - scaled, found.values, rtol=1e-4)


def test_equal_pictures_lose_nothing_and_slopes_are_finite_there():
    @jax.jit
    def at(x, maps):
        def total(x, maps):
            of_pictures = [fn(x, LARGE[0].astype(np.float32)) for fn in (
                pictures.l1, pictures.l2, pictures.ssim, pictures.ms_ssim, pictures.edge,
                pictures.gradient_difference, pictures.charbonnier)]  # fmt: skip
            fns = (features.content, features.gram, features.statistics)
            return [*of_pictures, *(fn(maps, maps) for fn in fns)]

        slopes = jax.grad(lambda *a: sum(v.sum() for v in total(*a)), (0, 1))(x, maps)
        return total(x, maps), slopes

    values, slopes = at(*jax.tree.map(np.float32, (LARGE[0], MAPS[0])))
    floors = np.array([0, 0, 0, 0, 1e-3, 0, 1e-3, 0, 0, 0])
    np.testing.assert_allclose(np.array(values), np.tile(floors[:, None], 2), atol=1e-5)
    assert all(np.isfinite(s).all() for s in jax.tree.leaves(slopes))


def test_keys_of_patches_are_constants():
    grads = jax.jit(jax.grad(lambda k: features.patch_nce(PLACES[0], k).sum()))(
        [np.float32(v) for v in PLACES[1]]
    )
    assert all(not np.asarray(g).any() for g in grads)


def test_what_cannot_be_compared_is_refused_with_what_to_do():
    output, target = MAPS
    for call, message in [
        (lambda: features.content(output, target[:1]), "of 2 and of 1 layers"),
        (
            lambda: features.gram(output, target, layers=(1.0,)),
            "1 weights.*of 2 layers.*one weight",
        ),
        (lambda: pictures.ssim(*SMALL), "11 and the pictures are 4x5: .*from 3 to 3"),
        (lambda: pictures.ms_ssim(np.zeros((4, 2)), np.zeros((4, 2))), "are .2,.: give l1 or l2"),
        (lambda: pictures.ms_ssim(*LARGE, scales=3), "scales=3.*14x16: set scales to 1 .. 1"),
        (lambda: pictures.masked(*SMALL, mask=MASK, norm="l3"), "norm is 'l3'; there is l1, l2"),
    ]:
        with pytest.raises(ConfigError, match=message):
            call()
