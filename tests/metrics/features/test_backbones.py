"""VGG16: torchvision's numbers, its feature space from a file, and what it refuses."""

import jax
import numpy as np
import pytest
from helpers.shared import thin as thin
from metrics.golden import backbones as golden
from metrics.golden.case import compare

from genlab.config import ConfigError
from genlab.features import VGG16, backbones
from genlab.features.weights.files import WeightsError


@pytest.mark.parametrize("case", golden.CASES, ids=lambda case: case.name)
def test_equals_torchvision(case):
    assert compare(golden.__file__, case).difference <= case.tolerance


def test_has_the_sizes_of_the_published_networks():
    count = {
        name: sum(int(np.prod(s)) for s in shapes.values())
        for name, shapes in (
            ("vgg16", backbones.conv_shapes(backbones.VGG16_CONVS) | backbones.head_shapes()),
            ("alexnet", backbones.conv_shapes(backbones.ALEXNET)),
        )
    }
    assert count == {"vgg16": 138_357_544, "alexnet": 2_469_696}
    assert backbones.ALEXNET.tapped == (64, 192, 384, 256, 256)
    assert backbones.VGG16_CONVS.tapped == (64, 128, 256, 512, 512)


def test_the_space_is_the_network_of_normalised_images(thin):
    images = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    scaled = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = jax.jit(backbones.vgg16)(golden.tensors(), scaled.astype(np.float32))
    space = VGG16(thin).space(None, None)
    taps = space.taps(images)
    for name, value in zip(("features", "logits"), expected, strict=True):
        np.testing.assert_allclose(taps[name], value, atol=1e-5 * np.abs(value).max())
    assert space.protocol["resize"] == "torch"
    assert len(space.protocol["features_sha256"]) == 64


def test_refuses_other_files_kinds_and_too_small_images(thin, tmp_path):
    with pytest.raises(ConfigError, match="resize='bicubic'; it is one of 'tf1'"):
        VGG16(thin, "bicubic")
    tensors = golden.tensors()
    tensors["features.1.weight"] = tensors.pop("features.28.weight")
    np.savez(tmp_path / "other.npz", **tensors)
    with pytest.raises(WeightsError, match=r"missing: features.28.weight.*features.1.weight"):
        VGG16(str(tmp_path / "other.npz")).space(None, None)
    small = np.zeros((1, 15, 40, 3), np.float32)
    with pytest.raises(ValueError, match=r"15x40 pixels leave nothing at layer features.24"):
        backbones.tapped(backbones.VGG16_CONVS, golden.tensors(), small)
