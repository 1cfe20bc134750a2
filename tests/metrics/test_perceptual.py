"""LPIPS: the authors' numbers, what makes it a distance, and the files it refuses."""

import jax
import numpy as np
import pytest
from metrics.golden import lpips as golden
from metrics.golden.case import compare

from genlab.config import ConfigError
from genlab.features.backbones import Backbone, Conv, conv_shapes, tapped
from genlab.features.weights.files import WeightsError
from genlab.metrics import perceptual
from genlab.metrics.perceptual import Lpips

THIN = Backbone("a thin one", (Conv(0, 4, tapped=True), Conv(3, 5, pool=2, tapped=True)))

lpips = jax.jit(perceptual.lpips, static_argnums=0)


@pytest.fixture(scope="module")
def alex(tmp_path_factory):
    return Lpips("alex", *golden.files("alex", tmp_path_factory.mktemp("alex")))


def thin(seed=0):
    rng = np.random.default_rng(seed)
    tensors = {n: rng.normal(size=s).astype(np.float32) for n, s in conv_shapes(THIN).items()}
    return tensors, [rng.uniform(size=w).astype(np.float32) for w in THIN.tapped]


def signed(seed=1, count=3):
    return np.random.default_rng(seed).uniform(-1, 1, (2, count, 8, 8, 3)).astype(np.float32)


SLOW = {"lpips-vgg"}  # whose layers `test_backbones.py` compares with torchvision's


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] * (case.name in SLOW))
        for case in golden.CASES
    ],
)
def test_equals_the_authors_package(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_is_0_of_equal_images_positive_and_symmetric():
    (tensors, heads), (x, y) = thin(), signed()
    there, back = (np.asarray(lpips(THIN, tensors, heads, *p)) for p in ((x, y), (y, x)))
    np.testing.assert_array_equal(there, back)
    assert (there > 0.01).all()
    assert (np.asarray(lpips(THIN, tensors, heads, x, x)) == 0).all()


def test_is_the_weighted_squared_difference_of_unit_features():
    (tensors, heads), (x, y) = thin(), signed()
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    expected = np.zeros(len(x))
    both = [tapped(THIN, tensors, ((v - shift) / scale).astype(np.float32)) for v in (x, y)]
    for first, second, head in zip(*both, heads, strict=True):
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
        first, second = (
            v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-10) for v in (first, second)
        )
        expected += ((first - second) ** 2 @ head).mean((1, 2))
    np.testing.assert_allclose(lpips(THIN, tensors, heads, x, y), expected, rtol=1e-5)


def test_is_blind_to_the_strength_of_a_tap_but_for_what_follows_it():
    (tensors, heads), (x, y) = thin(), signed()
    louder = {name: v * (7 if "features.3" in name else 1) for name, v in tensors.items()}
    np.testing.assert_allclose(
        lpips(THIN, louder, heads, x, y), lpips(THIN, tensors, heads, x, y), rtol=1e-5
    )


def test_takes_uint8_floats_and_grey_and_any_number_of_them(alex, monkeypatch):
    x, y = golden.images(36)
    whole = alex(x, y)
    assert whole.shape == (3,)
    assert whole.dtype == np.float64
    floats = alex(*(v / np.float32(127.5) - 1 for v in (x, y)))
    np.testing.assert_allclose(floats, whole, rtol=1e-5)
    grey = alex(x[..., :1], y[..., :1])
    np.testing.assert_allclose(alex(*(v[..., [0, 0, 0]] for v in (x, y))), grey, rtol=1e-6)
    monkeypatch.setattr(perceptual, "PIXELS", 36**2)
    np.testing.assert_allclose(alex(x, y), whole, rtol=1e-6)
    assert alex.protocol["distance"] == "lpips 0.1 alex"
    assert len(alex.protocol["backbone_sha256"]) == len(alex.protocol["heads_sha256"]) == 64


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 40, 40, 3), np.uint8), np.zeros((1, 40, 40, 3), np.uint8), "of pairs"),
        (np.zeros((1, 40, 40, 2), np.uint8),) * 2 + (r"expected \[N, H, W, 1 or 3\]",),
        (np.zeros((1, 40, 40, 3), np.int32),) * 2 + ("int32.*expected uint8",),
        (np.full((1, 40, 40, 3), 200.0),) * 2 + ("to 200.*normalise",),
        (np.full((1, 40, 40, 3), np.nan),) * 2 + ("nan.*normalise",),
        (np.zeros((1, 16, 16, 3), np.uint8),) * 2 + ("16x16 pixels leave nothing.*enlarge",),
    ],
)
def test_refuses_what_are_no_pairs_of_images(alex, x, y, message):
    with pytest.raises(ValueError, match=message):
        alex(x, y)


def test_refuses_other_files_and_backbones(tmp_path):
    backbone, heads = golden.files("alex", tmp_path)
    x, y = golden.images(36)
    with pytest.raises(ConfigError, match="no backbone 'squeeze'; give alex or vgg"):
        Lpips("squeeze", backbone, heads)
    with pytest.raises(WeightsError, match="not the weights of torchvision's vgg16; missing: feat"):
        Lpips("vgg", backbone, heads)(x, y)
    with pytest.raises(WeightsError, match="LPIPS's heads for torchvision's alexnet; missing"):
        Lpips("alex", backbone, backbone)(x, y)
    negative = golden.heads("alex")
    negative["lin2.model.1.weight"][0, 3] = -0.5
    np.savez(tmp_path / "negative.npz", **negative)
    with pytest.raises(WeightsError, match=r"lin2.model.1.weight goes down to -0.5"):
        Lpips("alex", backbone, str(tmp_path / "negative.npz"))(x, y)


def test_a_whole_classifier_serves_as_backbone(alex, tmp_path):
    _, heads = golden.files("alex", tmp_path)
    rest = {"classifier.1.weight": np.zeros((2, 2), np.float32)}
    np.savez(tmp_path / "whole.npz", **golden.backbone("alex"), **rest)
    x, y = golden.images(36)
    distance = Lpips("alex", str(tmp_path / "whole.npz"), heads)(x, y)
    np.testing.assert_array_equal(distance, alex(x, y))
