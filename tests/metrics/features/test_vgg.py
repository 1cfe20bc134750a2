"""VGG from a user's file: torchvision's names and order, frozen, refused where it is another's."""

import jax
import numpy as np
import pytest
from helpers.networks import np_conv
from safetensors.numpy import save_file

from genlab.config import ConfigError, build, spec
from genlab.features import vgg
from genlab.nets import vgg as networks
from genlab.runs import ingredients

WIDTHS = (2, 3, 2, 2, 2)
PLACES = {16: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), 19: (0, 2, 5, 7, 10, 12, 14, 16)}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """(path, tensors) of a narrow vgg16 as torchvision names its tensors."""
    monkeypatch.setattr(networks, "WIDTHS", WIDTHS)
    monkeypatch.setattr(ingredients, "HELD", {})
    rng, before = np.random.default_rng(0), 3
    tensors = {"classifier.0.weight": np.zeros((2, 2), np.float32)}
    for place, (_, before, after) in zip(PLACES[16], networks.convolutions(16), strict=True):
        shape = (after, before, 3, 3)
        tensors[f"features.{place}.weight"] = rng.normal(size=shape).astype(np.float32)
        tensors[f"features.{place}.bias"] = rng.normal(size=after).astype(np.float32)
    np.savez(tmp_path / "vgg16.npz", **tensors)
    return str(tmp_path / "vgg16.npz"), tensors


def layer(tensors, place):
    return {
        "kernel": tensors[f"features.{place}.weight"].transpose(2, 3, 1, 0),
        "bias": tensors[f"features.{place}.bias"],
    }


def test_the_weights_of_a_file_are_frozen_and_used_in_torchvisions_order(file):
    path, tensors = file
    node = spec(vgg.vgg, path, depth=16, at=("relu1_2", "conv2_1"), pool="mean")
    net = build(node)
    x = np.random.default_rng(1).uniform(-1, 1, (1, 4, 4, 1))
    variables = net.init(jax.random.key(0), np.float32(x))
    assert "params" not in variables and len(variables["frozen"]["weights"]["params"]) == 3
    assert list(ingredients.weights({"method": node})["frozen"]) == [net.sha256]
    h = ((np.repeat(x, 3, -1) + 1) / 2 - networks.MEAN) / networks.STD
    for place in (0, 2):
        h = np.maximum(np_conv(h, layer(tensors, place)), 0)
    pooled = h.reshape(1, 2, 2, 2, 2, 2).mean((2, 4))
    expected = h, np_conv(pooled, layer(tensors, 5))
    for got, wanted in zip(jax.jit(net.apply)(variables, np.float32(x)), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)


def test_a_safetensors_file_is_the_same_network(file, tmp_path):
    path, tensors = file
    save_file(tensors, tmp_path / "vgg16.safetensors")
    nets = [vgg.vgg(p, 16, ("relu1_2",)) for p in (path, str(tmp_path / "vgg16.safetensors"))]
    of_npz, of_safetensors = (ingredients.HELD[net.sha256] for net in nets)
    assert list(of_npz["params"]) == ["conv1_1", "conv1_2"]
    jax.tree.map(np.testing.assert_array_equal, of_npz, of_safetensors)


def test_every_layer_of_both_networks_is_where_torchvision_has_it():
    assert vgg._places(16) == list(PLACES[16])
    assert vgg._places(19)[:8] == list(PLACES[19]) and vgg._places(19)[-1] == 34


def test_a_file_that_cannot_be_used_is_refused_and_one_that_is_gone_has_its_shapes(file, tmp_path):
    path, _ = file
    with pytest.raises(ConfigError, match=r"missing: .*features\.0\.weight"):
        np.savez(tmp_path / "other.npz", **{"conv.weight": np.zeros(3)})
        vgg.vgg(str(tmp_path / "other.npz"), 16)
    with pytest.raises(ConfigError, match=r"fingerprint.*sha256='12' is asked for"):
        vgg.vgg(path, 16, sha256="12")
    with pytest.raises(ConfigError, match=r"nowhere\.pth"):
        vgg.vgg("nowhere.pth", 16)
    node = {"method": spec(vgg.vgg, "nowhere.pth", 16, ("relu1_1",), sha256="12")}
    x = jax.ShapeDtypeStruct((1, 4, 4, 3), np.float32)
    shapes = jax.eval_shape(build(node["method"]).init, jax.random.key(0), x)
    kernel = shapes["frozen"]["weights"]["params"]["conv1_1"]["kernel"]
    assert kernel.shape == (3, 3, 3, WIDTHS[0])
    with pytest.raises(ConfigError, match=r"method: there is no file nowhere\.pth"):
        ingredients.refuse_absent(node)
