"""Files as torchvision and the package lpips write them: written by torch, of networks of the real
widths with random weights, and compared with torch's own passes. Skipped where torch is not.
"""

import jax
import numpy as np
import pytest

from genlab.features import vgg
from genlab.metrics.perceptual import SCALE, SHIFT, Lpips
from genlab.nets.vgg import MEAN, STD, VGG, WIDTHS, convolutions

pytestmark = pytest.mark.slow
CLASSIFIER = {"0.weight": (8, 4), "0.bias": (8,), "6.weight": (2, 8)}  # narrow: it is not used
RNG = np.random.default_rng(0)
PICTURES = RNG.uniform(-1, 1, (2, 2, 34, 36, 3)).astype(np.float32)  # a last row is left out
ALEXNET = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def features(torch, kind):
    """The `features` of torchvision's network, by its place list, with random weights."""
    nn, layers = torch.nn, []
    torch.manual_seed(0)
    if kind == "alex":
        before = 3
        for number, (width, kernel, stride, pad) in enumerate(ALEXNET):
            layers += [nn.MaxPool2d(3, 2)] * (number in (1, 2))
            layers += [nn.Conv2d(before, width, kernel, stride, pad), nn.ReLU()]
            before = width
        return nn.Sequential(*layers)
    block = "1"
    for name, before, after in convolutions(kind):
        layers += [nn.MaxPool2d(2, 2)] * (name[4] != block)
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        block = name[4]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.normal_(layer.bias, std=0.1)
    return nn.Sequential(*layers)


def saved(torch, net, path):
    """A state dict of the whole classifier, in one of the layouts that there are."""
    state = {f"features.{name}": x for name, x in net.state_dict().items()}
    state |= {f"classifier.{n}": torch.zeros(shape) for n, shape in CLASSIFIER.items()}
    if path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file({name: x.numpy().copy() for name, x in state.items()}, path)
    else:
        old = path.stem.endswith("old")
        torch.save(state, path, _use_new_zipfile_serialization=not old)
    return str(path)


def passed(torch, net, pictures, mean, std):
    """What every layer of `net` gives of pictures, NHWC, by its place."""
    x = torch.from_numpy(((pictures - np.float32(mean)) / np.float32(std)).transpose(0, 3, 1, 2))
    found = []
    with torch.no_grad():
        for layer in net:
            x = layer(x)
            found.append(x.numpy().transpose(0, 2, 3, 1).copy())
    return found


@pytest.mark.parametrize("depth", [16, 19])
@pytest.mark.parametrize("file", ["vgg.pth", "vgg_old.pth", "vgg.safetensors"])
def test_vgg_of_a_file_gives_torchs_activations(depth, file, tmp_path, torch):
    net = features(torch, depth)
    last = convolutions(depth)[-1][0]
    at = ("relu1_1", "relu1_2", "conv2_1", "relu3_1", "conv4_2", last, last.replace("conv", "relu"))
    found = vgg.vgg(saved(torch, net, tmp_path / file), depth, at)
    assert isinstance(found.net, VGG) and WIDTHS == (64, 128, 256, 512, 512)
    x = PICTURES[0]
    every = passed(torch, net, (x + 1) / 2, MEAN, STD)
    places = dict(zip((name for name, *_ in convolutions(depth)), vgg._places(depth), strict=True))
    variables = found.init(jax.random.key(0), x)
    for name, got in zip(at, jax.jit(found.apply)(variables, x), strict=True):
        wanted = every[places[name.replace("relu", "conv")] + name.startswith("relu")]
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("backbone", ["alex", "vgg"])
def test_lpips_of_files_is_torchs_pass(backbone, tmp_path, torch):
    """Heads as `lpips/weights/v0.1/*.pth` has them: 1x1 convolutions without bias."""
    net = features(torch, backbone if backbone == "alex" else 16)
    taps = (1, 4, 7, 9, 11) if backbone == "alex" else (3, 8, 15, 22, 29)
    widths = [net[place - 1].out_channels for place in taps]
    heads = {f"lin{i}.model.1.weight": torch.rand(1, w, 1, 1) for i, w in enumerate(widths)}
    torch.save(heads, tmp_path / "heads.pth")
    x, y = PICTURES[:, :, :, :35]
    both = [passed(torch, net, pictures, SHIFT, SCALE) for pictures in (x, y)]
    expected = np.zeros(len(x))
    for place, head in zip(taps, heads.values(), strict=True):
        a, b = (np.float64(every[place]) for every in both)
        a, b = (v / (np.sqrt((v**2).sum(-1, keepdims=True)) + 1e-10) for v in (a, b))
        expected += ((a - b) ** 2 @ np.float64(head.numpy().ravel())).mean((1, 2))
    measured = Lpips(backbone, saved(torch, net, tmp_path / "net.pth"), str(tmp_path / "heads.pth"))
    np.testing.assert_allclose(measured(x, y), expected, rtol=1e-4)
    assert (expected > 0.01).all()
