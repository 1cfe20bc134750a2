"""The overhead of a round: dispatches, devices, and the loop around the program.

Run:    python benchmarks/dispatch.py          (on a quiet machine: the load is recorded)
Writes: benchmarks/results/dispatch.json, of a GAN of two small perceptrons on the digits: seconds
        per round with K rounds per dispatch on 1 and on 8 virtual devices of this machine, under
        both placements, and of `fit` and the bare program
"""

import collections
import itertools
import json
import tempfile
from pathlib import Path

import jax
import optax
import record

from genlab import Experiment, Loop, fit, spec
from genlab.data import digits
from genlab.methods import GAN
from genlab.nets import Discriminator, Generator, mlp
from genlab.train.cost import cost
from genlab.train.log import LAG
from genlab.train.program import prepare

ROUNDS, REPEATS = 200, 5


def game(steps: int = ROUNDS, **loop):
    """Perceptrons of 16 hidden units, batch 16."""
    generator = spec(Generator, spec(mlp.Up, (8, 8, 1), (16,)))
    return spec(
        Experiment,
        spec(GAN, generator, spec(Discriminator, spec(mlp.Down, (16,))), latent=8),
        spec(digits),
        dict.fromkeys(("disc", "gen"), spec(optax.adam, 1e-3)),
        batch_size=16,
        loop=spec(Loop, steps=steps, checkpoint_every=0, sample_every=0, **loop),
    )


def bare(config) -> dict:
    """Seconds per round of the compiled program, as many dispatches in flight as in `fit`."""
    training = prepare(config)
    k = training.experiment.loop.rounds_per_call
    held, key = training.fetch(0, k), training.data_key
    state = training.init()
    run = training.compile(state, held, k).run
    now = [state]

    def play():
        pending = collections.deque()
        for _ in range(ROUNDS // k):
            now[0], metrics = run(now[0], held, key)
            pending.append(metrics)
            if len(pending) > LAG:
                jax.block_until_ready(pending.popleft())
        return now[0].step

    found = record.timed(play, REPEATS)
    return record.summary([seconds / ROUNDS for seconds in found["all"]])


def looped(config) -> dict:
    """Seconds per round of `fit`, its own clock's, without compiling and the first rows."""
    with tempfile.TemporaryDirectory() as folder:
        fit(config, folder)
        lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines][2:]
    pairs = itertools.pairwise(rows)
    return record.summary(
        [(b["seconds"] - a["seconds"]) / (b["step"] - a["step"]) for a, b in pairs]
    )


def main() -> None:
    """Measures and writes."""
    jax.config.update("jax_num_cpu_devices", 8)
    record.load()
    found = {"seconds_per_round": {}, "fit": {}}
    for placement, devices in itertools.product(("jit", "pmap"), (1, 8)):
        name = f"{placement} {devices}"
        at = {
            k: bare(game(rounds_per_call=k, placement=placement, devices=devices)) for k in (1, 50)
        }
        dispatch = (at[1]["median"] - at[50]["median"]) / (1 - 1 / 50)
        found["seconds_per_round"][name] = {
            "K=1": at[1],
            "K=50": at[50],
            "of a dispatch": dispatch,
            "of a round inside": at[1]["median"] - dispatch,
        }
        print(name, {k: f"{1e6 * v['median']:.0f} us" for k, v in at.items()}, flush=True)
    for k in (1, 50):
        steps = {1: 2_000, 50: 20_000}[k]
        config = game(steps, rounds_per_call=k, devices=1, log_every=steps // 10)
        whole = looped(config)
        alone = found["seconds_per_round"]["jit 1"][f"K={k}"]["median"]
        found["fit"][f"K={k}"] = {**whole, "beyond the program": whole["median"] - alone}
        print("fit", k, f"{1e6 * whole['median']:.0f} us", flush=True)
    training = prepare(game(devices=1))
    found["flops_per_round"] = cost(training)["flops_per_round"]
    record.write("dispatch", found)


if __name__ == "__main__":
    main()
