"""The three resizes against PyTorch, torch-fidelity and Pillow."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from metrics.golden.case import Case, write

SHAPES = {  # (height, width, channels) -> size; the last is what Inception takes
    "up": ((5, 7, 3), 9),
    "down": ((33, 21, 3), 6),
    "mixed": ((9, 30, 1), 11),
    "299": ((32, 32, 1), 299),
}


def images(shape: tuple[int, int, int]) -> np.ndarray:
    """One image of noise, [1, H, W, C]: nothing in it forgives a shift."""
    return np.random.default_rng(11).integers(0, 256, (1, *shape), np.uint8)


def sparse(resized: np.ndarray) -> np.ndarray:
    """A part of a large one, so that the file stays small; one channel of a greyscale image."""
    step = 29 if resized.shape[1] > 100 else 1
    return np.asarray(resized)[0, ::step, ::step]


def ours(kind: str, shape: tuple[int, int, int], size: int):
    """genlab's, compiled as in the networks that see its images."""
    import jax

    from genlab.features.resize import resize

    return sparse(jax.jit(resize, static_argnums=(1, 2))(images(shape), size, kind))[
        ..., : shape[-1]
    ]


def tensor(shape: tuple[int, int, int]):
    """The image as torch has it, float32 [1, C, H, W] in [0, 255]."""
    import torch

    return torch.from_numpy(images(shape)).permute(0, 3, 1, 2).float()


def by_torch(shape: tuple[int, int, int], size: int):
    """What pytorch-fid calls."""
    from torch.nn.functional import interpolate

    found = interpolate(tensor(shape), size=(size, size), mode="bilinear", align_corners=False)
    return sparse(found.permute(0, 2, 3, 1).numpy())


def by_torch_fidelity(shape: tuple[int, int, int], size: int):
    """TensorFlow 1's, as torch-fidelity has it."""
    from torch_fidelity import interpolate_compat_tensorflow as compat

    resize = compat.interpolate_bilinear_2d_like_tensorflow1x
    found = resize(tensor(shape), size=(size, size), align_corners=False)
    return sparse(found.permute(0, 2, 3, 1).numpy())


def by_pillow(shape: tuple[int, int, int], size: int):
    """What clean-fid calls: each channel as 32-bit floats, then clipped."""
    from PIL import Image

    planes = np.moveaxis(images(shape)[0].astype(np.float32), -1, 0)
    found = [Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC) for p in planes]
    return sparse(np.clip(np.stack([np.asarray(p) for p in found], -1), 0, 255)[None])


REFERENCES = {
    "tf1": ("torch-fidelity", by_torch_fidelity, 1e-6),
    "torch": ("torch", by_torch, 1e-6),
    "clean": ("pillow", by_pillow, 1e-6),
}

CASES = [
    Case(
        name=f"{kind}, {name}",
        metric="features.resize.resize",
        package=package,
        ours=lambda k=kind, n=name: ours(k, *SHAPES[n]),
        theirs=lambda f=reference, n=name: f(*SHAPES[n]),
        tolerance=tolerance,
    )
    for kind, (package, reference, tolerance) in REFERENCES.items()
    for name in SHAPES
]

if __name__ == "__main__":
    write(__file__, CASES)
