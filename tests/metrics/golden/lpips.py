"""LPIPS against the authors' package, with backbones and heads from a seed."""

import io
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

sys.path = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent]
sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write  # noqa: E402

SHAPES = {  # torchvision's index in `features`: (outputs, inputs, kernel)
    "alex": {
        0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)
    },
    "vgg": {
        index: (outs, ins, 3)
        for index, outs, ins in zip(
            (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
            (64, 64, 128, 128, *[256] * 3, *[512] * 6),
            (3, 64, 64, 128, 128, *[256] * 3, *[512] * 5),
            strict=False,
        )
    },
}  # fmt: skip
WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
SIZE = {"alex": 36, "vgg": 18}


def backbone(name, seed=0):
    """He initialisation with small biases, under torchvision's names."""
    rng, tensors = np.random.default_rng(seed), {}
    for index, (outs, ins, kernel) in SHAPES[name].items():
        weight = rng.standard_normal((outs, ins, kernel, kernel), np.float32)
        tensors[f"features.{index}.weight"] = weight * np.float32((2 / (ins * kernel**2)) ** 0.5)
        tensors[f"features.{index}.bias"] = 0.1 * rng.standard_normal(outs, np.float32)
    return tensors


def heads(name, seed=1):
    """Non-negative, half of them 0, under the names of lpips' files."""
    rng = np.random.default_rng(seed)
    return {
        f"lin{i}.model.1.weight": np.maximum(rng.standard_normal((1, w, 1, 1), np.float32), 0)
        for i, w in enumerate(WIDTHS[name])
    }


def images(size, seed=2):
    """Pairs unlike, near, and equal but for one pixel."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (3, size, size, 3), np.uint8)
    y = rng.integers(0, 256, (3, size, size, 3), np.uint8)
    y[1] = np.clip(x[1].astype(int) + rng.integers(-9, 10, x[1].shape), 0, 255)
    y[2] = x[2]
    y[2, 9, 9] = 255 - y[2, 9, 9]
    return x, y


def files(name, folder):
    """The paths of a backbone's file and a heads' file."""
    paths = Path(folder) / "backbone.npz", Path(folder) / "heads.npz"
    for path, tensors in zip(paths, (backbone(name), heads(name)), strict=True):
        np.savez(path, **tensors)
    return tuple(str(path) for path in paths)


def ours_lpips(name):
    from genlab.metrics.perceptual import Lpips

    with tempfile.TemporaryDirectory() as folder:
        return Lpips(name, *files(name, folder))(*images(SIZE[name]))


def theirs_lpips(name):
    import lpips
    import torch

    with redirect_stdout(io.StringIO()):
        model = lpips.LPIPS(net=name, pretrained=False, pnet_rand=True, verbose=False)
    state = {key: torch.from_numpy(value) for key, value in heads(name).items()}
    tensors = backbone(name)
    for key in model.net.state_dict():
        state[f"net.{key}"] = torch.from_numpy(tensors[f"features.{key.split('.', 1)[1]}"])
    told = model.load_state_dict(state, strict=False)
    assert not told.unexpected_keys
    assert all(key.startswith(("lins.", "scaling_layer.")) for key in told.missing_keys), told
    x, y = (
        torch.from_numpy(v.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
        for v in images(SIZE[name])
    )
    with torch.no_grad():
        return model(x, y).reshape(-1).numpy()


CASES = [
    Case(
        f"lpips-{name}",
        "perceptual.Lpips",
        "lpips",
        lambda name=name: ours_lpips(name),
        lambda name=name: theirs_lpips(name),
        1e-5,
    )
    for name in SHAPES
]

if __name__ == "__main__":
    write(__file__, CASES)
