"""VGG with the weights of a user's file, frozen: `spec(vgg, "vgg19.pth")` stands in a config where
a network of features does.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from genlab.config import ConfigError
from genlab.features.weights import files
from genlab.nets.frozen import Frozen
from genlab.nets.vgg import VGG, convolutions
from genlab.runs import ingredients

EVERY = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def vgg(
    file: str,
    depth: int = 19,
    at: tuple[str, ...] = EVERY,
    pool: str = "max",
    padding: str = "zeros",
    sha256: str = "",
) -> Frozen:
    """`nets.vgg.VGG` with the weights of torchvision's vgg16 or vgg19 (.pth, .safetensors, .npz).

    sha256: of the file's bytes; with it the file is checked, and a finished run can be sampled and
            evaluated where the file is not

    Raises ConfigError for a file that is missing (unless its sha256 is given), of another network,
    or of another fingerprint.
    """
    net, there = VGG(depth, tuple(at), pool, padding), os.path.isfile(Path(file).expanduser())
    if sha256 and not there:
        return Frozen(net, _fingerprint(net, sha256))
    read = files.read(file)
    if sha256 and read.sha256 != sha256:
        raise ConfigError(
            f"{file} has the fingerprint {read.sha256}, and sha256={sha256!r} is asked for: give "
            "the file that the run was made with, or its fingerprint"
        )
    names = [name for name, *_ in convolutions(depth)]
    every = dict(zip(names, _converted(read, depth), strict=True))
    used = {name: every[name] for name in _used(net)}
    ingredients.HELD[read.sha256] = {"params": every}
    ingredients.HELD[_fingerprint(net, read.sha256)] = {"params": used}
    return Frozen(net, _fingerprint(net, read.sha256))


def _fingerprint(net: VGG, sha256: str) -> str:
    """Of the convolutions that are used of a file."""
    return hashlib.sha256(f"{sha256} {_used(net)}".encode()).hexdigest()


def _used(net: VGG) -> list[str]:
    """The convolutions up to the last layer that is asked for."""
    names = [name for name, *_ in convolutions(net.depth)]
    last = max((names.index(name.replace("relu", "conv")) for name in net.at), default=-1)
    return names[: last + 1]


def _converted(read: files.Weights, depth: int) -> list[dict[str, np.ndarray]]:
    """Kernel and bias of each convolution, in the network's order."""
    expected, places = {}, _places(depth)
    for place, (_, before, after) in zip(places, convolutions(depth), strict=True):
        expected[f"features.{place}.weight"] = (after, before, 3, 3)
        expected[f"features.{place}.bias"] = (after,)
    unused = tuple(name for name in read.tensors if name.startswith("classifier."))
    found = files.check(read.tensors, expected, f"torchvision's vgg{depth}", unused=unused)
    return [
        {
            "kernel": np.asarray(found[f"features.{place}.weight"], np.float32).transpose(
                2, 3, 1, 0
            ),
            "bias": np.asarray(found[f"features.{place}.bias"], np.float32),
        }
        for place in places
    ]


def _places(depth: int) -> list[int]:
    """Where torchvision's `features` has each convolution: every one is followed by a ReLU, the
    last of a block by a pool too.
    """
    places, at, block = [], 0, "1"
    for name, *_ in convolutions(depth):
        at += name[4] != block  # the pool before it
        block = name[4]
        places.append(at)
        at += 2
    return places
