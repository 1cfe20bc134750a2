"""VGG16's classifier against torchvision's module, made thin, with weights from a seed."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from metrics.golden.case import Case, write

WIDTHS = (2, 2, "M", 3, 3, "M", 4, 4, 4, "M", 5, 5, 5, "M", 6, 6, 6, "M")
HIDDEN, CLASSES, SIZE = 24, 10, 224


def tensors(seed=0):
    """He initialisation with small biases, under torchvision's names."""
    rng, found, ins = np.random.default_rng(seed), {}, 3

    def layer(name, outs, *shape):
        weight = rng.standard_normal((outs, *shape), np.float32)
        found[f"{name}.weight"] = weight * np.float32((2 / np.prod(shape)) ** 0.5)
        found[f"{name}.bias"] = 0.1 * rng.standard_normal(outs, np.float32)

    index = 0
    for width in WIDTHS:
        if width == "M":
            index += 1
            continue
        layer(f"features.{index}", width, ins, 3, 3)
        index, ins = index + 2, width
    layer("classifier.0", HIDDEN, ins * 49)
    layer("classifier.3", HIDDEN, HIDDEN)
    layer("classifier.6", CLASSES, HIDDEN)
    return found


def images(seed=1):
    """Normalised, [2, 224, 224, 3]."""
    return np.random.default_rng(seed).standard_normal((2, SIZE, SIZE, 3), np.float32)


def ours():
    import jax

    from genlab.features.backbones import vgg16

    return np.concatenate(jax.jit(vgg16)(tensors(), images()), axis=1)


def theirs():
    import torch
    from torch.nn import Dropout, Linear, ReLU, Sequential
    from torchvision.models.vgg import VGG, make_layers

    model = VGG(make_layers(list(WIDTHS)), init_weights=False)
    first, second = Linear(WIDTHS[-2] * 49, HIDDEN), Linear(HIDDEN, HIDDEN)
    last = Linear(HIDDEN, CLASSES)
    model.classifier = Sequential(first, ReLU(), Dropout(), second, ReLU(), Dropout(), last)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in tensors().items()})
    x = torch.from_numpy(images().transpose(0, 3, 1, 2))
    model.eval()
    with torch.no_grad():
        logits = model(x)
        model.classifier = model.classifier[:5]
        return torch.cat([model(x), logits], 1).numpy()


CASES = [Case("vgg16-hidden-and-logits", "features.VGG16", "torchvision", ours, theirs, 1e-5)]

if __name__ == "__main__":
    write(__file__, CASES)
