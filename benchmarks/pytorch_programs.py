"""The games of `games.py` as PyTorch 2 programs: losses and rounds, move for move.

A program is a round: calling it plays one. `compiled` wraps the networks in `torch.compile`; a
gradient penalty uses the eager critic, as compiled ones have no second derivative. On a GPU a round
may be recorded once as a CUDA graph and replayed (`replayed`): no kernel is then launched from
Python.
"""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Program:
    """A round and its `modules` by genlab's names, for counting parameters."""

    def __init__(self, modules: dict[str, nn.Module], play: Callable[[], None]):
        self.modules, self.play = modules, play

    def parameters(self) -> dict[str, int]:
        """How many, by network."""
        return {n: sum(p.numel() for p in m.parameters()) for n, m in self.modules.items()}


class Counter(TorchDispatchMode):
    """Counts the FLOPs of products and convolutions, as `torch.utils.flop_counter` does, which
    does not support a gradient of a gradient.
    """

    flops = 0

    def __torch_dispatch__(self, fn, types, args=(), kwargs=None):
        """Runs `fn` and counts it."""
        out = fn(*args, **(kwargs or {}))
        if fn._overloadpacket in flop_registry:
            self.flops += flop_registry[fn._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def replayed(play: Callable[[], None]) -> Callable[[], None]:
    """`play` recorded as a CUDA graph, after three plays that it is not recorded in."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            play()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        play()
    return graph.replay


def adam(parameters, rate: float, betas: tuple = (0.9, 0.999)) -> torch.optim.Adam:
    """Adam in one kernel, whose count of steps a CUDA graph may advance."""
    graphs = torch.get_default_device().type == "cuda"
    return torch.optim.Adam(parameters, rate, betas, fused=True, capturable=graphs)


def gan(
    gen: nn.Module,
    disc: nn.Module,
    batch: Callable[[], torch.Tensor],
    size: int,
    latent: int,
    compiled: bool,
    rate: float = 2e-4,
    betas: tuple = (0.5, 0.999),
    moves: int = 1,
    penalty: float = 0.0,
    ema: float = 0.0,
    generator_batch: int = 1,
) -> Program:
    """Non-saturating, or with a `penalty` WGAN-GP: `moves` of the critic, then one of the
    generator, each on a fresh batch.
    """
    adam_g = adam(gen.parameters(), rate, betas)
    adam_d = adam(disc.parameters(), rate, betas)
    average = copy.deepcopy(gen) if ema else None
    fast_g, fast_d = (torch.compile(gen), torch.compile(disc)) if compiled else (gen, disc)

    def critic_move() -> None:
        real = batch()
        with torch.no_grad():
            fake = fast_g(torch.randn(len(real), latent))
        on_real, on_fake = fast_d(real), fast_d(fake)
        if penalty:
            loss = on_fake.mean() - on_real.mean() + penalty * gradient_penalty(disc, real, fake)
        else:
            loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        adam_d.zero_grad(set_to_none=True)
        loss.backward()
        adam_d.step()

    def generator_move() -> None:
        disc.requires_grad_(False)
        on_fake = fast_d(fast_g(torch.randn(generator_batch * size, latent)))
        loss = -on_fake.mean() if penalty else F.softplus(-on_fake).mean()
        adam_g.zero_grad(set_to_none=True)
        loss.backward()
        adam_g.step()
        disc.requires_grad_(True)

    def play() -> None:
        for _ in range(moves):
            critic_move()
        generator_move()
        if average is not None:
            follow(average, gen, ema)

    return Program({"gen": gen, "disc": disc}, play)


def conditional_gan(
    gen: nn.Module,
    disc: nn.Module,
    batch: Callable[[], tuple[torch.Tensor, torch.Tensor]],
    latent: int,
    compiled: bool,
    rate: float = 2e-4,
    betas: tuple = (0.5, 0.999),
) -> Program:
    """The hinge game given labels: both players are given those of the batch at hand."""
    adam_g = adam(gen.parameters(), rate, betas)
    adam_d = adam(disc.parameters(), rate, betas)
    fast_g, fast_d = (torch.compile(gen), torch.compile(disc)) if compiled else (gen, disc)

    def critic_move() -> None:
        real, label = batch()
        with torch.no_grad():
            fake = fast_g(torch.randn(len(real), latent), label)
        loss = F.relu(1 - fast_d(real, label)).mean() + F.relu(1 + fast_d(fake, label)).mean()
        adam_d.zero_grad(set_to_none=True)
        loss.backward()
        adam_d.step()

    def generator_move() -> None:
        label = batch()[1]
        disc.requires_grad_(False)
        loss = -fast_d(fast_g(torch.randn(len(label), latent), label), label).mean()
        adam_g.zero_grad(set_to_none=True)
        loss.backward()
        adam_g.step()
        disc.requires_grad_(True)

    def play() -> None:
        critic_move()
        generator_move()

    return Program({"gen": gen, "disc": disc}, play)


def gradient_penalty(critic: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """E (|grad D(x^)| - 1)^2 on interpolates (Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3)."""
    a = torch.rand(len(real), *(1,) * (real.dim() - 1))
    between = (real + a * (fake - real)).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def vae(
    encoder: nn.Module,
    decoder: nn.Module,
    log_prob: Callable,
    batch: Callable[[], torch.Tensor],
    compiled: bool,
    rate: float = 1e-3,
    ema: float = 0.0,
) -> Program:
    """Minus the ELBO with one draw (Kingma & Welling 2014, arXiv:1312.6114)."""
    both = nn.ModuleList([encoder, decoder])
    optimiser = adam(both.parameters(), rate)
    average = copy.deepcopy(both) if ema else None
    encode, decode = encoder, decoder
    if compiled:
        encode, decode = torch.compile(encoder), torch.compile(decoder)

    def play() -> None:
        x = batch()
        mean, log_variance = encode(x).chunk(2, dim=1)
        z = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        loss = (kl - log_prob(decode(z), x)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if average is not None:
            follow(average, both, ema)

    return Program({"encoder": encoder, "decoder": decoder}, play)


@torch.no_grad()
def follow(average: nn.Module, latest: nn.Module, decay: float) -> None:
    """Moving averages of parameters and of BatchNorm's statistics."""
    torch._foreach_lerp_(list(average.parameters()), list(latest.parameters()), 1 - decay)
    pairs = zip(average.buffers(), latest.buffers(), strict=True)
    for mine, theirs in pairs:
        if mine.is_floating_point():
            mine.lerp_(theirs, 1 - decay)
