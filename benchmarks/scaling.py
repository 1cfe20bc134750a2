"""Predicts what the gold configs would lose to communication on 8 to 4,096 devices.

Run:    python benchmarks/scaling.py   (--sharded: only what fully sharded states exchange)
Writes: benchmarks/results/scaling.json; `python benchmarks/table.py` makes docs/scaling.md of it

FLOPs and what is all-reduced are counted in the traced round of each config at its authors' widths
and batch; nothing is compiled but small games, for what fully sharded states exchange.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import jax
import record
from jax.extend.core import jaxprs_in_params

from genlab import game, spec
from genlab.config import files, override
from genlab.runtime import placement
from genlab.runtime.communication import Machine, Work, efficiency, exchanges
from genlab.sweep import plan
from genlab.train.cost import cost
from genlab.train.program import batch_like, prepare

ROOT = Path(__file__).parents[1]
GOLD = ROOT / "experiments" / "gold" / "cifar10.py"
DEVICES = (8, 16, 64, 256, 1024, 4096)
PEAK, SHARE = 989e12, 0.3
MACHINE = Machine(flops=PEAK * SHARE, inside=450e9, across=50e9, per_host=8, latency=5e-6)


def reduced(jaxpr) -> tuple[int, int]:
    """(bytes of arrays, operations one after the other) that a traced program sums over its
    devices. Sums that do not wait for one another count as one: XLA combines them.
    """
    size, depth = 0, {}
    for equation in jaxpr.eqns:
        before = max((depth.get(v, 0) for v in equation.invars if not hasattr(v, "val")), default=0)
        own = 0
        if equation.primitive.name.startswith("psum"):
            arrays = [v.aval for v in equation.invars if v.aval.ndim]
            size, own = size + sum(a.size * a.dtype.itemsize for a in arrays), 1
        turns = equation.params["length"] if equation.primitive.name == "scan" else 1
        for inner in jaxprs_in_params(equation.params):
            more, chain = reduced(inner)
            size, own = size + turns * more, own + turns * chain
        depth |= dict.fromkeys(equation.outvars, before + own)
    return size, max(depth.values(), default=0)


def work(config) -> dict:
    """Of a round on one device with the whole batch, under the placement `pmap`."""
    training = prepare(config)
    e = training.experiment
    spent = cost(training)
    batches = batch_like(e, (training.moves, 8 * e.batch_size))
    step = placement.by_name("pmap", 8).step(partial(game.step, e.method, e.optim, e.ema))
    traced = jax.make_jaxpr(step)(training.shape(), batches)
    size, calls = reduced(traced.jaxpr)
    owned = sum(
        player.moves * sum(spent["parameters"][name] for name in player.owns)
        for player in e.method.players().values()
    )
    return {
        "batch": e.batch_size,
        "moves": training.moves,
        "parameters": sum(spent["parameters"].values()),
        "flops": spent["flops_per_round"],
        "gradient_bytes": 4 * owned,
        "bytes": size,
        "calls": calls,
    }


def gold(name: str):
    """A gold config on one device, CIFAR-10 replaced by noise of its shape."""
    module = files.load(GOLD)
    config = plan.configure(module, name, {})
    from smoke import noise

    override(config, "data", spec(noise, (32, 32, 3), 10, augment=config.data.augment))
    override(config, "loop.devices", 1)
    return config


def predicted(row: dict) -> dict:
    """Efficiencies by number of devices."""
    load = Work(row["flops"], row["bytes"], row["calls"])
    table = {}
    for n in DEVICES:
        cells = {
            f"{kind}, {told}": efficiency(load, MACHINE, n, kind == "weak", told == "hidden")
            for kind in ("weak", "strong")
            for told in ("exposed", "hidden")
            if kind == "weak" or row["batch"] % n == 0
        }
        table[str(n)] = cells
    return table


def sharded() -> list[dict]:
    """What a small DCGAN exchanges, replicated and fully sharded, compiled for 2, 4, 8 devices."""
    rows = []
    for devices in (2, 4, 8):
        for sharding in ("replicated", "full"):
            config = gold("dcgan")
            for net in ("generator", "discriminator"):
                override(config, f"method.{net}.trunk.width", 16)
            override(config, "batch_size", 16)
            override(config, "loop.devices", devices)
            override(config, "loop.sharding", sharding)
            training = prepare(config)
            compiled = training.compile(training.like(), training.fetch(0, 1), 1).executable
            state = training.like()
            size = sum(4 * x.size for x in jax.tree.leaves(state.params))
            kinds: dict[str, list[int]] = {}
            for e in exchanges(compiled.as_text()):
                count = kinds.setdefault(e.kind, [0, 0])
                count[0] += e.times
                count[1] += e.times * e.bytes
            held = compiled.memory_analysis().alias_size_in_bytes
            rows.append({"devices": devices, "sharding": sharding, "parameter_bytes": size,
                         "state_bytes_per_device": held, "kinds": kinds})  # fmt: skip
    return rows


def main() -> None:
    """Counts, predicts and writes the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sharded", action="store_true", help="only fully sharded states")
    given = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 8)
    sys.path.insert(0, str(ROOT / "experiments"))
    if given.sharded:
        record.write("scaling", record.read("scaling") | {"sharded": sharded()})
    else:
        count()


def count() -> None:
    """Writes the record of all configs."""
    configs = {}
    for name in plan.variants(files.load(GOLD)):
        row = work(gold(name))
        configs[name] = row | {"predicted": predicted(row)}
        print(name, {k: v for k, v in row.items()}, flush=True)
    kept = {"sharded_before": record.read("scaling")["sharded_before"]}
    found = {"machine": MACHINE._asdict(), "configs": configs, "sharded": sharded(), **kept}
    record.write("scaling", found)


if __name__ == "__main__":
    main()
