"""The networks and programs of `translations.py` in PyTorch 2."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from pytorch_programs import Program
from torch import nn
from torch.nn import functional as F


class UNet(nn.Module):
    """genlab.nets.unet.UNet under a Translator."""

    def __init__(self, channels: int, width: int, depth: int):
        super().__init__()
        widths = [width * min(8, 2**level) for level in range(depth)]
        inside = [channels, *widths]
        square = dict(kernel_size=4, stride=2, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, bias=False, **square) for a, b in pairwise(inside)
        )
        self.down_norms = nn.ModuleList(
            nn.BatchNorm2d(w) if 0 < level < depth - 1 else nn.Identity()
            for level, w in enumerate(widths)
        )
        levels = list(reversed(range(depth - 1)))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(
                widths[level + 1] * (1 if level == depth - 2 else 2),
                widths[level],
                bias=False,
                **square,
            )
            for level in levels
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(widths[level]) for level in levels)
        self.image = nn.ConvTranspose2d(2 * widths[0], channels, **square)

    def forward(self, x):
        """[B, C, H, W] -> the same."""
        maps = []
        for level, (conv, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            x = norm(conv(F.leaky_relu(x, 0.2) if level else x))
            maps.append(x)
        maps.pop()
        for stage, (conv, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            x = norm(conv(F.relu(x)))
            x = F.dropout(x, 0.5) if stage < 3 else x
            x = torch.cat([x, maps.pop()], 1)
        return torch.tanh(self.image(F.relu(x)))


def patch_critic(channels: int, width: int, halvings: int, norm: str) -> nn.Module:
    """genlab.nets.patchgan.Discriminator."""
    norms = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}
    layers: list[nn.Module] = []
    for number, stride in enumerate([2] * halvings + [1]):
        features = width * min(8, 2**number)
        layers += [nn.Conv2d(channels, features, 4, stride, 1, bias=not number)]
        layers += [norms[norm](features)] if number else []
        layers += [nn.LeakyReLU(0.2)]
        channels = features
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 1))


class SRResNet(nn.Module):
    """genlab.nets.enlarging.SRResNet by 2 under a Translator."""

    def __init__(self, width: int, blocks: int):
        super().__init__()

        def same() -> list[nn.Module]:
            return [nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)]

        self.first = nn.Sequential(nn.Conv2d(3, width, 9, 1, 4), nn.PReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(*same()[:2], nn.PReLU(), *same()) for _ in range(blocks)
        )
        self.last = nn.Sequential(*same())
        self.image = nn.Sequential(
            nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU(),
            nn.Conv2d(width, 3, 9, 1, 4), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x):
        """[B, 3, H, W] -> [B, 3, 2 H, 2 W]."""
        x = first = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.image(first + self.last(x))


class Residual(nn.Module):
    """A block of genlab.nets.translation.ResNet."""

    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(*_reflected(width, width, 3), nn.ReLU(), *_reflected(width, width))

    def forward(self, x):
        """[B, C, H, W] -> the same."""
        return x + self.net(x)


def _reflected(inside: int, out: int, kernel: int = 3) -> list[nn.Module]:
    pad, conv = nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inside, out, kernel, bias=False)
    return [pad, conv, nn.InstanceNorm2d(out)]


def resnet(width: int, blocks: int) -> nn.Module:
    """genlab.nets.translation.ResNet under a Translator."""
    layers = [*_reflected(3, width, 7), nn.ReLU()]
    for factor in (1, 2):
        conv = nn.Conv2d(width * factor, 2 * width * factor, 3, 2, 1, bias=False)
        layers += [conv, nn.InstanceNorm2d(2 * width * factor), nn.ReLU()]
    layers += [Residual(4 * width) for _ in range(blocks)]
    for factor in (2, 1):
        conv = nn.ConvTranspose2d(2 * width * factor, width * factor, 3, 2, 1, 1, bias=False)
        layers += [conv, nn.InstanceNorm2d(width * factor), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def pix2pix(gen: nn.Module, disc: nn.Module, batch: Callable, l1: float, compiled: bool) -> Program:
    """Non-saturating with the mean absolute error, one move each, each on a fresh batch."""
    adam_g, adam_d = (_adam(net) for net in (gen, disc))
    fast_g, fast_d = (torch.compile(gen), torch.compile(disc)) if compiled else (gen, disc)

    def critic_move() -> None:
        given, wanted = batch()
        with torch.no_grad():
            fake = fast_g(given)
        on_real, on_fake = (fast_d(torch.cat([x, given], 1)) for x in (wanted, fake))
        _descend(adam_d, F.softplus(-on_real).mean() + F.softplus(on_fake).mean())

    def generator_move() -> None:
        given, wanted = batch()
        disc.requires_grad_(False)
        made = fast_g(given)
        on_made = fast_d(torch.cat([made, given], 1))
        _descend(adam_g, F.softplus(-on_made).mean() + l1 * (made - wanted).abs().mean())
        disc.requires_grad_(True)

    def play() -> None:
        critic_move()
        generator_move()

    return Program({"gen": gen, "disc": disc}, play)


def regression(net: nn.Module, batch: Callable, compiled: bool) -> Program:
    """The squared error."""
    adam, fast = _adam(net, 1e-4, (0.9, 0.999)), torch.compile(net) if compiled else net

    def play() -> None:
        given, wanted = batch()
        _descend(adam, (fast(given) - wanted).square().mean())

    return Program({"gen": net}, play)


def cyclegan(
    gens: Sequence[nn.Module],
    discs: Sequence[nn.Module],
    batch: Callable,
    weights: tuple[float, float],
    compiled: bool,
) -> Program:
    """Least squares, cycles and identities; the critics on the translations that the generators
    were trained on, as in the authors' second implementation.
    """
    both_g, both_d = nn.ModuleList(gens), nn.ModuleList(discs)
    adam_g, adam_d = _adam(both_g), _adam(both_d)
    there, back, of_b, of_a = (torch.compile(n) if compiled else n for n in (*gens, *discs))
    cycle, identity = weights

    def play() -> None:
        a, b = batch()
        both_d.requires_grad_(False)
        fake_b, fake_a = there(a), back(b)
        loss = (of_b(fake_b) - 1).square().mean() + (of_a(fake_a) - 1).square().mean()
        loss = loss + cycle * (_apart(back(fake_b), a) + _apart(there(fake_a), b))
        loss = loss + identity * (_apart(there(b), b) + _apart(back(a), a))
        _descend(adam_g, loss)
        both_d.requires_grad_(True)
        fakes = fake_b.detach(), fake_a.detach()
        pairs = zip((of_b, of_a), (b, a), fakes, strict=True)
        losses = [(d(x) - 1).square().mean() + d(fake).square().mean() for d, x, fake in pairs]
        _descend(adam_d, (losses[0] + losses[1]) / 2)

    names = ("gen", "inverse", "disc", "disc_inverse")
    return Program(dict(zip(names, (*gens, *discs), strict=True)), play)


def _apart(x, y):
    return (x - y).abs().mean()


def _adam(net: nn.Module, rate: float = 2e-4, betas: tuple = (0.5, 0.999)):
    return torch.optim.Adam(net.parameters(), rate, betas, fused=True)


def _descend(adam, loss) -> None:
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()
