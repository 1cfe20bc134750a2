"""The networks, likelihoods and data of `games.py` in PyTorch 2."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

LEAK = 0.01  # of leaky ReLU in fully connected nets, flax's default


def mlp(sizes: tuple, activation: Callable, norm: bool = False, last: nn.Module | None = None):
    """Linear layers with `activation` between, BatchNorm before it if `norm`."""
    layers: list[nn.Module] = []
    for inside, out in pairwise(sizes[:-1]):
        layers += [nn.Linear(inside, out, bias=not norm)]
        layers += [nn.BatchNorm1d(out)] if norm else []
        layers += [activation()]
    layers += [nn.Linear(sizes[-2], sizes[-1])] + ([last] if last else [])
    return nn.Sequential(*layers)


class Reshape(nn.Module):
    """[B, ...] -> [B, *shape]."""

    def __init__(self, *shape: int):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        """`x` in the shape."""
        return x.reshape(len(x), *self.shape)


def channels_last(net: nn.Module) -> nn.Module:
    """`net` with kernels in the layout that PyTorch's convolutions prefer on CPU."""
    return net.to(memory_format=torch.channels_last)


def logit(net: nn.Module) -> nn.Module:
    """[B, 1] -> [B]."""
    return nn.Sequential(net, Reshape())


def flat(net: nn.Module) -> nn.Module:
    """A net of vectors for images."""
    return nn.Sequential(nn.Flatten(), net)


def dcgan_up(latent: int, side: int, channels: int, width: int, last: nn.Module | None):
    """genlab.nets.dcgan.Up."""
    stages = (side // 4).bit_length() - 1
    widths = [width * min(8, 2**s) for s in reversed(range(stages))]
    layers = [nn.Linear(latent, 16 * widths[0], bias=False), Reshape(widths[0], 4, 4)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for inside, out in pairwise(widths):
        layers += [nn.ConvTranspose2d(inside, out, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(out), nn.ReLU()]
    layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1)]
    return nn.Sequential(*layers, *([last] if last else []))


def dcgan_down(side: int, channels: int, width: int, out: int):
    """genlab.nets.dcgan.Down and a linear layer on its features."""
    stages = (side // 4).bit_length() - 1
    widths = [channels] + [width * min(8, 2**s) for s in range(stages)]
    layers: list[nn.Module] = []
    for stage, (inside, outside) in enumerate(pairwise(widths)):
        layers += [nn.Conv2d(inside, outside, 4, 2, 1, bias=not stage)]
        layers += [nn.BatchNorm2d(outside)] if stage else []
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * widths[-1], out))


class Block(nn.Module):
    """genlab.nets.resnet.Block."""

    def __init__(self, inside: int, width: int, up: bool, down: bool, norm: bool):
        super().__init__()
        make = nn.BatchNorm2d if norm else lambda _: nn.Identity()
        self.norm1, self.norm2 = make(inside), make(width)
        self.conv1 = nn.Conv2d(inside, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        changed = up or down or inside != width
        self.shortcut = nn.Conv2d(inside, width, 1) if changed else nn.Identity()
        self.up = nn.Upsample(scale_factor=2) if up else nn.Identity()
        self.down = nn.AvgPool2d(2) if down else nn.Identity()

    def forward(self, x):
        """[B, C, H, W] -> [B, width, H', W']."""
        h = self.conv1(self.up(F.relu(self.norm1(x))))
        h = self.down(self.conv2(F.relu(self.norm2(h))))
        return h + self.up(self.shortcut(self.down(x)))


class FirstBlock(nn.Module):
    """genlab.nets.resnet.FirstBlock."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.shortcut = nn.Conv2d(channels, width, 1)

    def forward(self, x):
        """[B, C, H, W] -> [B, width, H / 2, W / 2]."""
        h = F.avg_pool2d(self.conv2(F.relu(self.conv1(x))), 2)
        return h + self.shortcut(F.avg_pool2d(x, 2))


def resnet_up(latent: int, width: int) -> nn.Module:
    """genlab.nets.resnet.Up at 32x32x3 under a Generator."""
    blocks = [Block(width, width, True, False, True) for _ in range(3)]
    return nn.Sequential(
        nn.Linear(latent, 16 * width), Reshape(width, 4, 4), *blocks,
        nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 3, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip


class Pooled(nn.Module):
    """ReLU, mean over positions, one logit."""

    def __init__(self, width: int):
        super().__init__()
        self.logit = nn.Linear(width, 1)

    def forward(self, x):
        """[B, C, H, W] -> [B]."""
        return self.logit(F.relu(x).mean((2, 3)))[:, 0]


def resnet_down(width: int) -> nn.Module:
    """genlab.nets.resnet.Down at 32x32x3 under a Discriminator."""
    return nn.Sequential(
        FirstBlock(3, width), Block(width, width, False, True, False),
        Block(width, width, False, False, False), Block(width, width, False, False, False),
        Pooled(width),
    )  # fmt: skip


class ConditionalNorm(nn.Module):
    """genlab.nets.layers.ConditionalBatchNorm."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.table = nn.Embedding(classes, 2 * width)
        nn.init.zeros_(self.table.weight)

    def forward(self, x, label):
        """[B, C, H, W], [B] -> [B, C, H, W]."""
        scale, shift = self.table(label)[:, :, None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class ConditionalBlock(nn.Module):
    """genlab.nets.resnet.Block with upsampling and conditional norms."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.norm1, self.norm2 = (ConditionalNorm(width, classes) for _ in range(2))
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.shortcut = nn.Conv2d(width, width, 1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x, label):
        """[B, C, H, W], [B] -> [B, C, 2 H, 2 W]."""
        h = self.conv1(self.up(F.relu(self.norm1(x, label))))
        return self.conv2(F.relu(self.norm2(h, label))) + self.up(self.shortcut(x))


class ConditionalUp(nn.Module):
    """genlab.nets.resnet.Up(norm="ConditionalBatchNorm") at 32x32x3 under a Generator."""

    def __init__(self, latent: int, width: int, classes: int):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(latent, 16 * width), Reshape(width, 4, 4))
        self.blocks = nn.ModuleList(ConditionalBlock(width, classes) for _ in range(3))
        self.last = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 3, 3, 1, 1), nn.Tanh()
        )

    def forward(self, z, label):
        """[B, latent], [B] -> [B, 3, 32, 32]."""
        x = self.first(z)
        for block in self.blocks:
            x = block(x, label)
        return self.last(x)


class ProjectionDown(nn.Module):
    """genlab.nets.resnet.Down at 32x32x3 under a ProjectionDiscriminator."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.trunk = nn.Sequential(
            FirstBlock(3, width), Block(width, width, False, True, False),
            Block(width, width, False, False, False), Block(width, width, False, False, False),
            nn.ReLU(),
        )  # fmt: skip
        self.logit, self.table = nn.Linear(width, 1), nn.Embedding(classes, width)

    def forward(self, x, label):
        """[B, 3, 32, 32], [B] -> [B]."""
        features = self.trunk(x).mean((2, 3))
        return self.logit(features)[:, 0] + (self.table(label) * features).sum(1)


def gaussian(sigma: float = 0.1) -> Callable:
    """genlab.losses.likelihood.gaussian, log p(x | theta) [B]."""

    def log_prob(theta, x):
        log = torch.distributions.Normal(theta, sigma, validate_args=False).log_prob(x)
        return log.flatten(1).sum(1)

    return log_prob


def discretised_logistic(levels: int = 256) -> Callable:
    """genlab.losses.likelihood.discretised_logistic, log p(x | theta) [B]."""
    half = 1.0 / (levels - 1)

    def log_prob(theta, x):
        m, log_s = theta.reshape(len(x), 2, *x.shape[1:]).unbind(1)
        x = torch.round((x + 1) / (2 * half)) * (2 * half) - 1
        scale = torch.exp(-log_s.clamp(min=-7.0))
        upper, lower = (x - m + half) * scale, (x - m - half) * scale
        gap = 2 * half * scale
        small = gap < 0.6931
        near = torch.log(-torch.expm1(-torch.where(small, gap, 1.0)))
        far = torch.log1p(-torch.exp(-torch.where(small, 1.0, gap)))
        inside = -F.softplus(-upper) - F.softplus(lower) + torch.where(small, near, far)
        at_end = torch.where(x > 1 - half, -F.softplus(lower), inside)
        return torch.where(x < -1 + half, -F.softplus(-upper), at_end).flatten(1).sum(1)

    return log_prob


def drawn_from(images, size: int, labels=None) -> Callable:
    """Batches of rows of uint8 [N, H, W, C], shuffled by epoch, as float in [-1, 1]; images
    channels last in memory. With `labels` [N] pairs of both. On a GPU rows are drawn with
    replacement: a CUDA graph cannot keep a place in an order.
    """
    held = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    state = {"order": torch.randperm(len(held)), "at": 0}

    named = None if labels is None else torch.tensor(labels, dtype=torch.long)

    def chosen():
        if held.is_cuda:
            return torch.randint(len(held), (size,))
        if state["at"] + size > len(held):
            state.update(order=torch.randperm(len(held)), at=0)
        state["at"] += size
        return state["order"][state["at"] - size : state["at"]]

    def batch():
        rows = chosen()
        x = held[rows].float() / 127.5 - 1
        return x if named is None else (x, named[rows])

    return batch


def ring(modes: int, radius: float, std: float, size: int) -> Callable[[], torch.Tensor]:
    """genlab.data.ring."""
    angle = 2 * torch.pi * torch.arange(modes) / modes
    means = radius * torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    return lambda: means[torch.randint(modes, (size,))] + std * torch.randn(size, 2)
