"""The games of `games.py` between pictures: paired, enlarged and unpaired, each as a genlab config
and as a PyTorch program.
"""

from pathlib import Path

import numpy as np
import optax
from ml_collections import ConfigDict

from genlab import spec
from genlab.data import arrays, unpaired
from genlab.methods import GAN, Comparison, Regression
from genlab.methods.translation import CycleGAN
from genlab.nets import Translator, enlarging, patchgan, translation, unet

SIDE, WIDTH = 64, 32
BLOCKS, CYCLE_BLOCKS = 4, 6
ADAM = {"b1": 0.5, "b2": 0.999}
PIX2PIX_BATCH, ENLARGED_BATCH, CYCLE_BATCH = 8, 8, 1  # CycleGAN's is the paper's
L1, CYCLE, IDENTITY = 100.0, 10.0, 5.0


def pairs(folder: Path, name: str, small: int = 1, count: int = 256) -> Path:
    """An npz of random pictures `image` and of what is given for each, `name`, `small` times as
    small.
    """
    path = folder / f"pairs_{name}.npz"
    if not path.is_file():
        rng = np.random.default_rng(0)
        sides = {"image": SIDE, name: SIDE // small}
        found = {n: rng.integers(0, 256, (count, s, s, 3), np.uint8) for n, s in sides.items()}
        np.savez(path, **found)  # pyright: ignore[reportArgumentType]
    return path


def pix2pix(folder: Path) -> ConfigDict:
    """pix2pix at 64x64: a U-Net of six halvings and a critic of patches of 34 pixels."""
    from games import experiment

    generator = spec(Translator, spec(unet.UNet, 3, WIDTH))
    critic = spec(patchgan.Discriminator, field=34, width=WIDTH)
    method = spec(
        GAN, generator, critic, latent=0, given=("sketch",), comparison=spec(Comparison, {"l1": L1})
    )
    data, adam = spec(arrays, str(pairs(folder, "sketch"))), spec(optax.adam, 2e-4, **ADAM)
    return experiment(method, data, ("disc", "gen"), adam, PIX2PIX_BATCH, 3)


def srresnet(folder: Path) -> ConfigDict:
    """SRResNet from 32x32 to 64x64 by the squared error."""
    from games import experiment

    generator = spec(Translator, spec(enlarging.SRResNet, 3, 2 * WIDTH, BLOCKS, 2))
    method = spec(Regression, generator, spec(Comparison, {"l2": 1.0}), given=("small",))
    data = spec(arrays, str(pairs(folder, "small", 2)))
    return experiment(method, data, ("gen",), spec(optax.adam, 1e-4), ENLARGED_BATCH, 3)


def cyclegan(folder: Path) -> ConfigDict:
    """CycleGAN at 64x64: ResNets of six blocks, critics of patches of 34 pixels, no pool."""
    from games import experiment

    generator = spec(Translator, spec(translation.ResNet, 3, WIDTH, CYCLE_BLOCKS))
    critic = spec(patchgan.Discriminator, field=34, width=WIDTH, norm="InstanceNorm")
    method = spec(CycleGAN, generator, critic, ("image", "sketch"), pool=0)
    path = str(pairs(folder, "sketch"))
    parts = {name: spec(arrays, path, columns=(name,)) for name in ("image", "sketch")}
    adam = spec(optax.adam, 2e-4, **ADAM)
    return experiment(method, spec(unpaired, parts), ("gen", "disc"), adam, CYCLE_BATCH, 3)


def _batches(folder: Path, name: str, size: int, small: int = 1):
    """Of pictures given and wanted."""
    import pytorch_networks as nets

    found = np.load(pairs(folder, name, small))
    given, wanted = (nets.drawn_from(found[column], size) for column in (name, "image"))
    return lambda: (given(), wanted())


def torch_pix2pix(folder: Path, compiled: bool):
    """The same in PyTorch."""
    import pytorch_networks as nets
    import pytorch_translators as translators

    up = nets.channels_last(translators.UNet(3, WIDTH, 6))
    critic = nets.channels_last(translators.patch_critic(6, WIDTH, 2, "batch"))
    batch = _batches(folder, "sketch", PIX2PIX_BATCH)
    return translators.pix2pix(up, critic, batch, L1, compiled)


def torch_srresnet(folder: Path, compiled: bool):
    """The same in PyTorch."""
    import pytorch_networks as nets
    import pytorch_translators as translators

    net = nets.channels_last(translators.SRResNet(2 * WIDTH, BLOCKS))
    return translators.regression(net, _batches(folder, "small", ENLARGED_BATCH, 2), compiled)


def torch_cyclegan(folder: Path, compiled: bool):
    """The same in PyTorch."""
    import pytorch_networks as nets
    import pytorch_translators as translators

    there, back = (
        nets.channels_last(translators.resnet(WIDTH, CYCLE_BLOCKS)) for _ in range(2)
    )  # fmt: skip
    critics = [
        nets.channels_last(translators.patch_critic(3, WIDTH, 2, "instance")) for _ in range(2)
    ]
    batch = _batches(folder, "sketch", CYCLE_BATCH)
    return translators.cyclegan((there, back), critics, batch, (CYCLE, IDENTITY), compiled)
