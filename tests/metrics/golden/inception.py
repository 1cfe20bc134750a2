"""Inception with random weights against torch-fidelity and pytorch-fid: the network and its
preprocessing, without the real weights.
"""

import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from metrics.golden.case import Case, write

SHOWN = 64  # numbers of each tap that are compared, evenly spread over its columns
TAPS = ("64", "192", "768", "2048", "spatial", "logits")
RESIZES = ("tf1", "torch", "clean")
TOLERANCE = {
    "logits": 2e-6,
    "spatial": 1e-5,
}  # torch-fidelity's float32 is 2e-6 off its own float64


def images() -> np.ndarray:
    """Two of 32 x 32: noise, and noise smoothed, so that more than one frequency is seen."""
    noise = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3)).astype(np.float64)
    smooth = np.mean([np.roll(noise[1], (i, j), (0, 1)) for i in range(5) for j in range(5)], 0)
    return np.stack([noise[0], smooth]).astype(np.uint8)


def fabricated(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """A state dict of random numbers: He's normal weights, batch norm that has seen something."""
    rng = np.random.default_rng(seed)
    made = {}
    for name in sorted(shapes):
        draw = rng.standard_normal(shapes[name], np.float32)
        if name.endswith(("conv.weight", "fc.weight")):
            made[name] = draw * np.float32(np.sqrt(2 / np.prod(shapes[name][1:])))
        elif name.endswith(("running_var", "bn.weight")):
            made[name] = np.exp(draw * np.float32(0.2))
        else:
            made[name] = draw * np.float32(0.1)
    return made


def shown(features: np.ndarray) -> np.ndarray:
    """The columns that are compared."""
    return features[:, np.linspace(0, features.shape[1] - 1, SHOWN).astype(int)]


@lru_cache
def ours(resize: str) -> dict[str, np.ndarray]:
    """genlab's taps of a preprocessing, weights read from a file."""
    from genlab.features.inception import Inception, expected

    with TemporaryDirectory() as folder:
        file = Path(folder) / "weights.npz"
        np.savez(file, **fabricated(expected()))
        space = Inception(str(file), resize).space(None, None)
    return space.taps(images())


def state():
    """The fabricated weights as torch takes them, names and shapes from torch-fidelity's own."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    class Empty(theirs.FeatureExtractorInceptionV3):
        def load_state_dict(self, _):
            """Its constructor would read a file."""

    theirs.torch.load = lambda *_, **__: None
    empty = Empty("empty", ["2048"], feature_extractor_weights_path="none").state_dict()
    shapes = {name: tuple(x.shape) for name, x in empty.items() if "num_batches" not in name}
    made = fabricated(shapes)
    return {name: torch.from_numpy(made[name]) if name in made else empty[name] for name in empty}


@lru_cache
def by_torch_fidelity(resized_by_pillow: bool = False) -> dict[str, np.ndarray]:
    """Its Inception; and with the images resized as clean-fid does, instead of as TensorFlow 1."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    tensors = state()
    theirs.torch.load = lambda *_, **__: tensors
    wanted = ["64", "192", "768", "2048", "logits_unbiased"]
    net = theirs.FeatureExtractorInceptionV3("inception", wanted, "none")
    kept = {}
    net.Mixed_6d.register_forward_hook(lambda _, __, out: kept.update(spatial=out))
    interpolate = theirs.interpolate_bilinear_2d_like_tensorflow1x
    if resized_by_pillow:
        theirs.interpolate_bilinear_2d_like_tensorflow1x = by_pillow
    found = net(torch.from_numpy(images()).permute(0, 3, 1, 2))
    theirs.interpolate_bilinear_2d_like_tensorflow1x = interpolate
    found = {name: x.numpy() for name, x in zip(wanted, found, strict=True)}
    spatial = kept["spatial"][:, :7].permute(0, 2, 3, 1).reshape(len(images()), -1)
    return {**found, "logits": found["logits_unbiased"], "spatial": spatial.numpy()}


def by_pillow(x, size, align_corners):
    """Each channel as 32-bit floats, clipped."""
    import torch
    from PIL import Image

    planes = [
        Image.fromarray(p).resize(size, Image.Resampling.BICUBIC)
        for p in x.numpy().reshape(-1, *x.shape[2:])
    ]
    stacked = np.clip(np.stack([np.asarray(p) for p in planes]), 0, 255)
    return torch.from_numpy(stacked.reshape(*x.shape[:2], *size))


@lru_cache
def by_pytorch_fid() -> dict[str, np.ndarray]:
    """Its Inception and its preprocessing."""
    import torch
    from pytorch_fid import inception as theirs

    theirs.load_state_dict_from_url = lambda *_, **__: state()
    net = theirs.InceptionV3([0, 1, 2, 3]).eval()
    with torch.no_grad():
        found = net(torch.from_numpy(images()).permute(0, 3, 1, 2) / 255.0)
    names = ("64", "192", "768", "2048")
    return {name: x.mean((2, 3)).numpy() for name, x in zip(names, found, strict=True)}


def case(resize: str, tap: str, package: str, reference) -> Case:
    """One tap of one preprocessing."""
    return Case(
        name=f"{tap}, {resize}",
        metric="features.inception.Inception",
        package=package,
        ours=lambda: shown(ours(resize)[tap]),
        theirs=lambda: shown(reference()[tap]),
        tolerance=TOLERANCE.get(tap, 1e-6),
    )


CASES = [
    *(case("tf1", tap, "torch-fidelity", by_torch_fidelity) for tap in TAPS),
    *(case("torch", tap, "pytorch-fid", by_pytorch_fid) for tap in TAPS[:4]),
    case("clean", "2048", "torch-fidelity", lambda: by_torch_fidelity(resized_by_pillow=True)),
]

if __name__ == "__main__":
    write(__file__, CASES)
