"""genlab against PyTorch 2, eager and compiled: the same nets, batches and optimisers, in one run.

Run:    pip install torch, then
        python benchmarks/against_pytorch.py [--only=TEXT] [--blocks=7] [--anew[=TEXT]]
Writes: one more of the runs of benchmarks/results/against_pytorch.json (when nothing was left out)

Each contender is a process that sleeps while another runs; they take turns, a block of rounds each.
A ratio is PyTorch's time over genlab's in the same turn. Before anything is timed the parameters of
every network and the FLOPs of a round are compared. Run it only on an otherwise idle machine: under
load PyTorch's thread pool slows down most, and the ratio favours genlab. A ratio moves by a tenth
from one day or machine to another, so that runs are added to those of before, and a goal counts in
the worst of them; after a change of how a game is computed it begins anew (--anew=TEXT).
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import record
from games import GAMES, Game
from jax.extend.core import jaxprs_in_params

TOLERANCE = 0.01  # of FLOPs: some likelihoods count as products only on one side
ZEROS = 1.25  # at most, under a gradient penalty: see `same`


class Player(NamedTuple):
    """What a contender's process plays: `play()` a block of `rounds` rounds.

    parameters: how many, by network
    flops:      of a round; 0 where they are not counted
    peak:       bytes, the most in use on an accelerator so far; None where that is not known
    """

    play: Callable[[], None]
    parameters: dict[str, int]
    flops: float
    rounds: float
    peak: Callable[[], int | None]


def genlab_player(folder: Path, game: Game) -> Player:
    """A game of genlab."""
    from genlab.train.program import prepare

    training = prepare(game.config(folder))
    calls = max(1, game.rounds // training.experiment.loop.rounds_per_call)
    rounds = training.experiment.loop.rounds_per_call
    held, state = training.fetch(0, rounds), training.init()
    program = training.compile(state, held, rounds).run
    sizes = {n: sum(x.size for x in jax.tree.leaves(p)) for n, p in state.params.items()}
    box = [state]

    def play():
        for _ in range(calls):
            box[0], metrics = program(box[0], held, training.data_key)
        jax.block_until_ready(metrics)

    def peak():
        return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")

    return Player(play, sizes, flops(training, state, held), calls * rounds, peak)


def torch_player(folder: Path, game: Game, how: str, device: str) -> Player:
    """The same of PyTorch: "eager", "compiled", or "graph", compiled and replayed as a CUDA graph.

    Autocast converts a kernel at each use, for what it keeps would not follow the optimiser.
    """
    import torch
    from pytorch_programs import Counter, replayed

    torch.manual_seed(0)
    torch.set_default_device(device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True  # as in JAX
    torch.backends.cudnn.benchmark = True
    program = game.torch(folder, how != "eager")
    counted = 0.0
    if how == "eager":
        program.play()
        with Counter() as counter:
            program.play()
        counted = counter.flops

    def one():
        with torch.autocast(device, torch.bfloat16, enabled=game.half, cache_enabled=False):
            program.play()

    one = replayed(one) if how == "graph" else one

    def play():
        for _ in range(game.rounds):
            one()
        if device == "cuda":
            torch.cuda.synchronize()

    def peak():
        return torch.cuda.max_memory_allocated() if device == "cuda" else None

    return Player(play, program.parameters(), counted, game.rounds, peak)


def flops(training, state, held) -> float:
    """Of the products and convolutions that one round needs, as PyTorch counts them: 2 for each
    multiplication and addition, those of padding included.
    """
    from jax.interpreters import partial_eval

    rows = jax.numpy.arange(training.experiment.batch_size)
    traced = jax.make_jaxpr(lambda *a: training.play(*a, rows, 1))(state, held, training.data_key)
    live, _ = partial_eval.dce_jaxpr(traced.jaxpr, [True] * len(traced.jaxpr.outvars))
    return _flops(live)


def _flops(jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        name, shapes = equation.primitive.name, [v.aval.shape for v in equation.invars]
        out = equation.outvars[0].aval
        if name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += 2 * out.size * _product(shapes[0][i] for i in contracted)
        elif name.startswith("genlab_product"):
            total += 2 * (_product(shapes[0]) * _product(shapes[1]) * out.size) ** 0.5
        elif name in ("genlab_forward", "genlab_into_input", "genlab_into_weight"):
            small, kernel = {
                "genlab_forward": (out.shape, shapes[1]),
                "genlab_into_input": shapes,
                "genlab_into_weight": (shapes[1], out.shape),
            }[name]
            resampled = 4 if equation.params["pooled"] else 1
            total += 2 * resampled * _product(small) * _product(kernel) / small[-1]
        for inner in jaxprs_in_params(equation.params):
            total += equation.params.get("length", 1) * _flops(inner)
    return total


def _product(sides) -> int:
    found = 1
    for side in sides:
        found *= side
    return found


def contender(pipe, make: Callable[..., Player], *arguments) -> None:
    """A process: builds its game, sends its description, then plays a block whenever asked; at the
    end it sends the peak memory of the device, where that is known.
    """
    try:
        player = make(*arguments)
        player.play()
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return
    pipe.send(player[1:4])
    while pipe.recv():
        started = time.perf_counter()
        player.play()
        pipe.send((time.perf_counter() - started) / player.rounds)
    pipe.send(player.peak())


def in_turns(
    makes: dict[str, tuple], blocks: int, at_once: bool = False
) -> tuple[dict[str, Any], dict[str, list[float]], dict[str, int | None]]:
    """By contender, each (make, *arguments): what it says of itself, or why it does not run; of
    those that do, seconds of a round in each block, taken in turns, and peak memory. They are
    built one after the other, or `at_once`.
    """
    spawn = multiprocessing.get_context("spawn")
    pipes, told = {}, {}
    for who, make in makes.items():
        pipes[who], theirs = spawn.Pipe()
        spawn.Process(target=contender, args=(theirs, *make), daemon=True).start()
        told |= {} if at_once else {who: pipes[who].recv()}
    told |= {who: pipes[who].recv() for who in makes if who not in told}
    seconds = {who: [] for who in makes if not isinstance(told[who], str)}
    for _ in range(blocks):
        for who in seconds:
            pipes[who].send(True)
            seconds[who].append(pipes[who].recv())
    memory = {}
    for who in seconds:
        pipes[who].send(False)
        memory[who] = pipes[who].recv()
    return told, seconds, memory


def compared(
    folder: Path,
    name: str,
    game: Game,
    blocks: int,
    device: str = "cpu",
    compiled: bool = True,
    alone: bool = False,
) -> dict:
    """One game: seconds of a round of each contender, and the ratios; without PyTorch's compiler
    where `compiled` is False. Where PyTorch does not run, SystemExit, or `alone` genlab's seconds.
    """
    ways = ["eager", *["compiled"] * compiled, *["graph"] * (compiled and device == "cuda")]
    makes: dict[str, tuple] = {"genlab": (genlab_player, folder, game)}
    makes |= {how: (torch_player, folder, game, how, device) for how in ways}
    told, seconds, memory = in_turns(makes, blocks, at_once=device != "cpu")
    absent = {who: why for who, why in told.items() if isinstance(why, str)}
    if "genlab" in absent or ("eager" in absent and not alone):
        raise SystemExit(f"{name}: {absent}")
    if "eager" not in absent:
        same(name, told["genlab"], told["eager"], game.shared)
    times = {who: record.summary(values) for who, values in seconds.items()}
    found = {
        "parameters": told["genlab"][0],
        "flops_per_round": told["genlab"][1],
        "seconds_per_round": times,
        "peak_bytes": memory,
        "does_not_run": absent,
    }
    if "eager" in absent:
        return found
    best = min((who for who in times if who != "genlab"), key=lambda who: times[who]["median"])
    pairs = zip(seconds[best], seconds["genlab"], strict=True)
    return found | {
        "flops_per_round_pytorch": told["eager"][1],
        "better_pytorch": best,
        "ratio": record.summary([theirs / ours for theirs, ours in pairs]),
    }


def same(name: str, ours: tuple, theirs: tuple, shared: float = 1.0) -> None:
    """Exits unless both sides compute the same; `shared`: PyTorch's share of genlab's FLOPs.

    The second derivative of ReLU is zero, and JAX leaves out what is multiplied by it; PyTorch
    computes with the zeros: under a gradient penalty its rounds have more FLOPs for that reason.
    """
    assert ours[0] == theirs[0], f"{name}: parameters {ours[0]} and {theirs[0]}"
    most = ZEROS if "WGAN-GP" in name or "wgan-gp" in name else 1 + TOLERANCE
    told = f"{name}: {ours[1]:.4g} and {theirs[1]:.4g} FLOPs a round"
    assert 1 - TOLERANCE < theirs[1] / ours[1] / shared < most, told


def main() -> None:
    """Compares and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="games whose name has this in it")
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument(
        "--anew", nargs="?", const="", metavar="TEXT",
        help="forget runs of before, of games with TEXT in their names: how they compute changed",
    )  # fmt: skip
    asked = parser.parse_args()
    record.load()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, game in GAMES.items():
            if asked.only in name:
                found[name] = compared(Path(folder), name, game, asked.blocks)
                print(line(name, found[name]), flush=True)
    if not asked.only:
        import torch

        from genlab.train.benchmark import matmul_peak

        protocol = {
            "blocks": asked.blocks,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }
        peak = matmul_peak(jax.devices())
        whole = {**protocol, "matmul_peak": peak, "games": found}
        record.append("against_pytorch", whole, asked.anew)


def line(name: str, found: dict) -> str:
    """The printed line of one game."""
    times = {who: f"{1e3 * t['median']:.3f} ms" for who, t in found["seconds_per_round"].items()}
    rate = found["flops_per_round"] / found["seconds_per_round"]["genlab"]["median"] / 1e9
    told = "PyTorch does not run"
    if "ratio" in found:
        ratio = found["ratio"]
        told = f"{found['better_pytorch']} / genlab {ratio['median']:.2f} "
        told += f"({ratio['min']:.2f} to {ratio['max']:.2f})"
    return f"{name}: {times}, {told}, {rate:.0f} GFLOP/s"


if __name__ == "__main__":
    main()
