"""The games that benchmarks play, each as a genlab config and as a PyTorch program."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optax
import translations
from ml_collections import ConfigDict

from genlab import Experiment, Loop, spec
from genlab.config.files import load
from genlab.data import arrays, ring
from genlab.losses import likelihood
from genlab.methods import GAN, VAE
from genlab.methods.gan.options import generator_batch
from genlab.nets import Decoder, Discriminator, Encoder, Generator, dcgan, heads, mlp, resnet
from genlab.sweep.plan import configure

ROOT = Path(__file__).parents[1]
ADAM = {"b1": 0.5, "b2": 0.999}
WGAN = {"b1": 0.5, "b2": 0.9}
RADIUS, STD = 2 / 1.414, 0.02 / 1.414
WIDTH, CRITIC_MOVES = 32, 5  # of the residual WGAN-GP, 128 in the paper
CLASSES = 10


class Game(NamedTuple):
    """config: (folder for data) -> genlab's config; torch: (folder, compiled) -> a program of
    `pytorch_programs`; rounds: in one measured block; half: whether products are in bfloat16;
    shared: PyTorch's share of the FLOPs that genlab's program is written with, where XLA finds
    products that are written twice.
    """

    config: Callable[[Path], ConfigDict]
    torch: Callable
    rounds: int
    half: bool = False
    shared: float = 1.0


def images(folder: Path, side: int, count: int = 512, classes: int = 0) -> Path:
    """An npz of random images, uint8 [count, side, side, 3], and labels if there are `classes`:
    arithmetic does not depend on them.
    """
    path = folder / f"images{side}_{classes}.npz"
    if not path.is_file():
        drawn = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
        found = {"image": drawn} | ({"label": np.arange(count) % classes} if classes else {})
        np.savez(path, **found)  # pyright: ignore[reportArgumentType]
    return path


def experiment(method, data, players: tuple, adam, batch_size: int, rounds: int, **fields):
    """An Experiment whose players share one optimiser, on one device."""
    loop = spec(Loop, rounds_per_call=rounds, devices=1)
    optim = dict.fromkeys(players, adam)
    return spec(
        Experiment,
        method=method,
        data=data,
        optim=optim,
        batch_size=batch_size,
        loop=loop,
        **fields,
    )


def dcgan64(folder: Path, batch: int = 32, dtype: str = "float32", rounds: int = 2) -> ConfigDict:
    """DCGAN at 64x64, width 64: the non-saturating game, one move each."""
    generator = spec(Generator, spec(dcgan.Up, (64, 64, 3), dtype=dtype))
    critic = spec(Discriminator, spec(dcgan.Down, dtype=dtype))
    method = spec(GAN, generator, critic, latent=100)
    data = spec(arrays, str(images(folder, 64)))
    return experiment(method, data, ("disc", "gen"), spec(optax.adam, 2e-4, **ADAM), batch, rounds)


def wgan_gp(
    folder: Path, width: int = WIDTH, batch: int = 32, dtype: str = "float32", rounds: int = 2
) -> ConfigDict:
    """WGAN-GP's CIFAR-10 ResNet: 5 critic moves, the generator on twice the batch."""
    generator = spec(Generator, spec(resnet.Up, (32, 32, 3), width=width, dtype=dtype))
    critic = spec(Discriminator, spec(resnet.Down, width=width, dtype=dtype))
    method = spec(
        GAN, generator, critic, latent=128, objective="wasserstein",
        penalties={"gradient_penalty": 10.0}, critic_moves=CRITIC_MOVES,
        options=(spec(generator_batch, 2),),
    )  # fmt: skip
    adam = spec(optax.adam, 2e-4, b1=0.0, b2=0.9)
    data = spec(arrays, str(images(folder, 32)))
    return experiment(method, data, ("disc", "gen"), adam, batch, rounds)


def cgan(folder: Path) -> ConfigDict:
    """A conditional GAN at 32x32x3, batch 64, ten labels: ResNets with conditional BatchNorm in the
    generator and a projection in the critic (Miyato & Koyama 2018, arXiv:1802.05637), hinge.
    """
    up = spec(resnet.Up, (32, 32, 3), width=WIDTH, norm="ConditionalBatchNorm")
    critic = spec(heads.ProjectionDiscriminator, spec(resnet.Down, width=WIDTH))
    method = spec(
        GAN, spec(Generator, up, embed=0), critic, latent=128, objective="hinge", given=("label",)
    )
    data = spec(arrays, str(images(folder, 32, classes=CLASSES)))
    adam = spec(optax.adam, 2e-4, b1=0.0, b2=0.9)
    return experiment(method, data, ("disc", "gen"), adam, 64, 5)


def toy(folder: Path, hidden: tuple) -> ConfigDict:
    """WGAN-GP on eight Gaussians, ReLU nets, 5 critic moves on 256 points."""
    up = spec(mlp.Up, (2,), hidden)
    generator = spec(Generator, up, bounded=False)
    critic = spec(Discriminator, spec(mlp.Down, hidden, activation="relu"))
    method = spec(
        GAN, generator, critic, latent=2, objective="wasserstein",
        penalties={"gradient_penalty": 0.1}, critic_moves=CRITIC_MOVES,
    )  # fmt: skip
    data = spec(ring, modes=8, radius=RADIUS, std=STD)
    adam = spec(optax.adam, 1e-4, **WGAN)
    return experiment(method, data, ("disc", "gen"), adam, 256, 50)


def conv_vae(folder: Path, dtype: str = "float32") -> ConfigDict:
    """A convolutional VAE at 32x32x3, batch 64, latent 64, Gaussian likelihood."""
    encoder = spec(Encoder, spec(dcgan.Down, width=32, dtype=dtype), latent=64)
    decoder = spec(Decoder, spec(dcgan.Up, (32, 32, 3), width=32, dtype=dtype))
    method = spec(VAE, encoder, decoder, spec(likelihood.gaussian))
    data = spec(arrays, str(images(folder, 32)))
    return experiment(method, data, ("vae",), spec(optax.adam, 1e-3), 64, 5)


def digits(folder: Path, variant: str) -> ConfigDict:
    """A variant of the digits of experiments/gan_vs_vae."""
    file = load(str(ROOT / "experiments" / "gan_vs_vae" / "digits.py"))
    return configure(file, variant, {"loop.devices": 1, "loop.rounds_per_call": 50})


def _torch_dcgan64(folder: Path, compiled: bool, size: int = 32):
    import pytorch_networks as nets
    import pytorch_programs as programs
    from torch import nn

    batch = nets.drawn_from(np.load(images(folder, 64))["image"], size)
    up, down = nets.dcgan_up(100, 64, 3, 64, nn.Tanh()), nets.logit(nets.dcgan_down(64, 3, 64, 1))
    return programs.gan(
        nets.channels_last(up), nets.channels_last(down), batch, size, 100, compiled
    )


def _torch_wgan_gp(folder: Path, compiled: bool, width: int = WIDTH, size: int = 32):
    import pytorch_networks as nets
    import pytorch_programs as programs

    batch = nets.drawn_from(np.load(images(folder, 32))["image"], size)
    up, down = (
        nets.channels_last(nets.resnet_up(128, width)),
        nets.channels_last(nets.resnet_down(width)),
    )
    return programs.gan(
        up, down, batch, size, 128, compiled, betas=(0.0, 0.9), moves=CRITIC_MOVES, penalty=10.0,
        generator_batch=2,
    )  # fmt: skip


def _torch_cgan(folder: Path, compiled: bool):
    import pytorch_networks as nets
    import pytorch_programs as programs

    found = np.load(images(folder, 32, classes=CLASSES))
    batch = nets.drawn_from(found["image"], 64, found["label"])
    up, down = nets.ConditionalUp(128, WIDTH, CLASSES), nets.ProjectionDown(WIDTH, CLASSES)
    both = nets.channels_last(up), nets.channels_last(down)
    return programs.conditional_gan(*both, batch, 128, compiled, betas=(0.0, 0.9))


def _torch_toy(folder: Path, compiled: bool, hidden: tuple):
    import pytorch_networks as nets
    import pytorch_programs as programs
    from torch import nn

    batch = nets.ring(8, RADIUS, STD, 256)
    up, down = nets.mlp((2, *hidden, 2), nn.ReLU), nets.logit(nets.mlp((2, *hidden, 1), nn.ReLU))
    return programs.gan(
        up, down, batch, 256, 2, compiled, 1e-4, (0.5, 0.9), moves=CRITIC_MOVES, penalty=0.1
    )  # fmt: skip


def _torch_conv_vae(folder: Path, compiled: bool):
    import pytorch_networks as nets
    import pytorch_programs as programs

    batch = nets.drawn_from(np.load(images(folder, 32))["image"], 64)
    encoder, decoder = nets.dcgan_down(32, 3, 32, 128), nets.dcgan_up(64, 32, 3, 32, None)
    both = nets.channels_last(encoder), nets.channels_last(decoder)
    return programs.vae(*both, nets.gaussian(), batch, compiled)


def _torch_digits(folder: Path, compiled: bool, variant: str):
    import pytorch_networks as nets
    import pytorch_programs as programs
    from torch import nn

    from genlab.data import digits as scans

    batch = nets.drawn_from(scans().read("train")["image"], 64)
    if variant == "vae":
        leaky = partial(nn.LeakyReLU, nets.LEAK)
        encoder = nets.flat(nets.mlp((64, 256, 256, 32), leaky, norm=True))
        decoder = nets.mlp((16, 256, 256, 128), nn.ReLU, norm=True)
        return programs.vae(
            encoder, decoder, nets.discretised_logistic(17), batch, compiled, ema=0.995
        )
    image = nn.Sequential(nets.Reshape(1, 8, 8), nn.Tanh())
    gen = nets.mlp((32, 256, 256, 64), nn.ReLU, norm=True, last=image)
    disc = nets.logit(nets.flat(nets.mlp((64, 256, 256, 1), partial(nn.LeakyReLU, nets.LEAK))))
    if variant == "ns-gan":
        return programs.gan(gen, disc, batch, 64, 32, compiled, ema=0.995)
    return programs.gan(
        gen, disc, batch, 64, 32, compiled, betas=(0.5, 0.9), moves=5, penalty=10.0, ema=0.995
    )  # fmt: skip


def _toy(hidden: tuple, rounds: int) -> Game:
    return Game(partial(toy, hidden=hidden), partial(_torch_toy, hidden=hidden), rounds)


def _digits(variant: str, rounds: int) -> Game:
    return Game(partial(digits, variant=variant), partial(_torch_digits, variant=variant), rounds)


def on_accelerator(half: bool, tiny: bool) -> dict[str, Game]:
    """The games at sizes for an accelerator, or `tiny`, to try them without one."""
    dtype, batch, width = ("bfloat16" if half else "float32"), 128, 128
    rounds = 50
    if tiny:
        batch, width, rounds = 4, 8, 1
    big = partial(dcgan64, batch=batch, dtype=dtype, rounds=rounds)
    residual = partial(wgan_gp, width=width, batch=batch // 2, dtype=dtype, rounds=rounds // 5 + 1)
    return {
        "DCGAN 64x64": Game(big, partial(_torch_dcgan64, size=batch), rounds, half),
        "WGAN-GP ResNet 32x32": Game(
            residual,
            partial(_torch_wgan_gp, width=width, size=batch // 2),
            rounds // 5 + 1,
            half,
        ),
    }


GAMES = {
    "DCGAN 64x64, batch 32": Game(dcgan64, _torch_dcgan64, 2),
    f"WGAN-GP ResNet 32x32, width {WIDTH}": Game(wgan_gp, _torch_wgan_gp, 2),
    f"cGAN ResNet 32x32, width {WIDTH}, batch 64": Game(cgan, _torch_cgan, 5),
    "pix2pix U-Net 64x64, width 32, batch 8": Game(
        translations.pix2pix, translations.torch_pix2pix, 6
    ),
    "SRResNet 32x32 to 64x64, 4 blocks, batch 8": Game(
        translations.srresnet, translations.torch_srresnet, 6
    ),
    "CycleGAN ResNet 64x64, width 32, batch 1": Game(
        translations.cyclegan, translations.torch_cyclegan, 6, shared=0.905
    ),
    "WGAN-GP toy, 2 x 128": _toy((128, 128), 200),
    "WGAN-GP toy, 3 x 512": _toy((512, 512, 512), 50),
    "conv VAE 32x32, batch 64": Game(conv_vae, _torch_conv_vae, 20),
    "digits, ns-gan": _digits("ns-gan", 500),
    "digits, wgan-gp": _digits("wgan-gp", 100),
    "digits, vae": _digits("vae", 500),
}
