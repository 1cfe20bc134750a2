"""How large the report of 30 runs is: 10 variants x 3 seeds of a small conditional GAN of 32x32
products, trained by one program, with pictures at eight rounds and a row of the log a round.

Run:    python benchmarks/report_size.py [--workdir=DIR]       (minutes)
Writes: benchmarks/results/report_size.json
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import record

from genlab import report
from genlab.config import override
from genlab.config.files import load
from genlab.runtime.progress import Silent
from genlab.sweep import plan, run

CONTROL = Path(__file__).parents[1] / "experiments" / "products" / "control" / "control.py"
SEEDS = (0, 1, 2)
ROUNDS, STAGES, VARIANTS = 128, 8, 10
FIELDS = {
    "method.generator.trunk.width": 4,
    "method.discriminator.trunk.width": 4,
    "batch_size": 8,
    "evaluate": {},
    "loop.steps": ROUNDS,
    "loop.rounds_per_call": ROUNDS // STAGES,
    "loop.log_every": 1,
    "loop.sample_every": ROUNDS // STAGES,
}


def main() -> None:
    """Trains, writes the report, prints and records its size."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--workdir", type=Path, help="where the sweep is kept; default: nowhere")
    folder = parser.parse_args().workdir
    with tempfile.TemporaryDirectory() as passing:
        found = measured(folder or Path(passing) / "sweep")
    print(json.dumps(found, indent=2))
    record.write("report_size", found)


def measured(folder: Path) -> dict:
    """Bytes of the page, of its pictures, and how many there are; the sweep is in `folder` then."""
    run.run(
        plan.plan(sys.modules[__name__], folder, {}, SEEDS), folder, "Thirty", Silent(), run.vmapped
    )
    page = report.write(folder).html.read_text()
    pictures = [part.partition('"')[0] for part in page.split('src="data:image/')[1:]]
    photos = [one for one in pictures if not one.startswith("svg")]
    return {
        "runs": len(list(folder.glob("*/seed*/status.json"))),
        "bytes": len(page.encode()),
        "pictures": len(photos),
        "bytes_of_pictures": sum(map(len, photos)),
        "bytes_of_curves": sum(map(len, pictures)) - sum(map(len, photos)),
    }


def config():
    """The GAN of products/control, narrow and short."""
    made = load(CONTROL).config()
    for field, value in FIELDS.items():
        override(made, field, value)
    return made


def sweep():
    """Learning rates: numbers, which one program can train together."""
    rates = (1e-4 * 2**i for i in range(VARIANTS))
    return {
        f"rate-{i}": {f"optim.{player}.learning_rate": rate for player in ("disc", "gen")}
        for i, rate in enumerate(rates)
    }


if __name__ == "__main__":
    main()
