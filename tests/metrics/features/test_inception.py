"""FID's Inception, with random weights: as torch-fidelity and pytorch-fid compute it."""

import json
import math

import numpy as np
import pytest
from metrics.golden import inception as golden
from metrics.golden.case import compare

from genlab.cli.main import main
from genlab.config import ConfigError
from genlab.features import inception
from genlab.features.inception import Inception, average, expected, largest, parameters
from genlab.features.weights.files import WeightsError

WIDTHS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "features": 2048}


def refer(kinds):
    """Every tap of these preprocessings is the reference's."""
    for case in golden.CASES:
        if case.name.endswith(kinds):
            found = compare(golden.__file__, case)
            assert found.difference <= case.tolerance, (case.name, found)


@pytest.mark.slow  # `test_resize.py` has the preprocessings by themselves
def test_every_tap_of_every_preprocessing_is_the_references():
    """In one test, for one process then compiles and fabricates once."""
    refer(golden.RESIZES)


def test_every_tap_is_the_references():
    refer(("tf1",))
    taps = golden.ours("tf1")
    assert {name: x.shape[1] for name, x in taps.items()} == {
        **WIDTHS,
        "spatial": 7 * 17 * 17,
        "logits": 1008,
    }
    assert taps["2048"] is taps["features"]


@pytest.mark.slow
def test_two_sets_are_scored_in_it_from_the_command_line(tmp_path, monkeypatch):
    """By the program that the test before compiled: two images at a time."""
    monkeypatch.setattr(inception, "BATCH", 2)
    np.savez(tmp_path / "weights.npz", **golden.fabricated(expected()))
    images = np.random.default_rng(5).integers(0, 256, (2, 4, 32, 32, 3), np.uint8)
    for name, part in zip(("real", "fake"), images, strict=True):
        np.savez(tmp_path / f"{name}.npz", image=part)
    asked = {
        "real": tmp_path / "real.npz", "fake": tmp_path / "fake.npz",
        "features": f"inception:{tmp_path / 'weights.npz'},resize=tf1",
        "scores": "kid,inception_score", "settings": '{"inception_score": {"splits": 1}}',
        "out": tmp_path / "out.json",
    }  # fmt: skip
    assert main(["evaluate", *(f"--{name}={value}" for name, value in asked.items())]) == 0
    (record,) = json.loads((tmp_path / "out.json").read_text())
    scores, protocol = record["scores"], record["protocol"]
    assert 1 < scores["inception_score"] < 4 and math.isfinite(scores["kid"])
    assert scores["kid_std"] is None  # every subset is the whole of both sets
    assert scores.keys() - record["baselines"].keys() == {"kid_std"}
    assert protocol["features"] == "inception" and protocol["resize"] == "tf1"
    assert len(protocol["features_sha256"]) == 64


def test_the_state_dict_is_that_of_the_released_file():
    """566 entries and 23,885,486 numbers, with one `num_batches_tracked` for each batch norm."""
    shapes = expected()
    norms = sum(name.endswith("running_var") for name in shapes)
    assert norms == 94
    assert len(shapes) + norms == 566
    assert sum(math.prod(shape) for shape in shapes.values()) + norms == 23_885_486


def test_batch_norm_is_folded():
    """relu((w x - mean) / sqrt(var + 1e-3) gamma + beta), for a 1 x 1 convolution by hand."""
    state = {name: np.zeros(shape, np.float32) for name, shape in expected().items()}
    rng = np.random.default_rng(0)
    part = "Conv2d_3b_1x1"
    for name in state:
        if name.startswith(part):
            state[name] = np.abs(rng.standard_normal(state[name].shape)).astype(np.float32)
    x = rng.standard_normal((5, 64))
    weight, gamma, beta, mean, var = (
        state[f"{part}.{name}"].astype(np.float64)
        for name in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    )
    wanted = (x @ weight[:, :, 0, 0].T - mean) / np.sqrt(var + 1e-3) * gamma + beta
    params = parameters(state)
    found = x @ params[f"{part}.kernel"][0, 0] + params[f"{part}.bias"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert params["fc"].shape == (2048, 1008)


def test_pooling_leaves_out_the_border():
    x = np.random.default_rng(0).standard_normal((1, 4, 5, 2)).astype(np.float32)
    for pool, of in ((average, np.mean), (largest, np.max)):
        wanted = np.empty_like(x)
        for i in range(4):
            for j in range(5):
                window = x[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
                wanted[:, i, j] = of(window, axis=(1, 2))
        np.testing.assert_allclose(pool(x), wanted, rtol=1e-5, atol=1e-6)


def test_a_last_batch_is_filled_up_and_the_filling_cut_off(monkeypatch):
    """One program whatever the number of images."""
    seen = []

    def network(params, x):
        seen.append(x.shape)
        return {"features": x.mean((1, 2))}

    monkeypatch.setattr(inception, "network", network)
    monkeypatch.setattr(inception, "BATCH", 4)
    monkeypatch.setattr(inception, "parameters", lambda tensors: {})
    monkeypatch.setattr(
        inception.weights_lib, "read", lambda path: inception.weights_lib.Weights({}, "abc", path)
    )
    space = Inception("none", "torch").space(None, None)
    assert space.protocol == {"features": "inception", "features_sha256": "abc", "resize": "torch"}
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), np.uint8)
    found = space.extract(images)
    assert found.shape == (7, 3) and seen == [(4, 299, 299, 3)] * 2
    wanted = images.mean((1, 2)) / 127.5 - 1  # enlarging a little shifts a mean a little
    np.testing.assert_allclose(found, np.repeat(wanted, 3, 1), atol=0.1)
    assert space.extract(images[:3]).shape == (3, 3) and seen[-1][0] == 3
    with pytest.raises(ValueError, match="quantise first"):
        space.extract(images / 255)


def test_other_networks_are_refused():
    state = {name: np.zeros(shape, np.float32) for name, shape in expected().items()}
    with pytest.raises(WeightsError, match="1000 classes, not 1008: torchvision's"):
        parameters({**state, "fc.weight": np.zeros((1000, 2048))})
    del state["Mixed_7c.branch_pool.bn.bias"]
    with pytest.raises(WeightsError, match=r"missing: Mixed_7c\.branch_pool\.bn\.bias$"):
        parameters(state)
    with pytest.raises(ConfigError, match="'tf1', 'clean', 'torch'"):
        Inception("weights.pth", resize="bicubic")
