"""`genlab bench`: what a config costs on this machine, or on TPUs that are not there."""

import sys
from pathlib import Path

from genlab.cli import options

ABOUT = "Measure what a config costs on this machine, or predict it for a topology of TPUs."


def add(command) -> None:
    """Its options."""
    options.config(command, "experiment file, defines config()")
    options.variant(command)
    options.workdir(command, required=False)
    command.add_argument("--seconds", type=float, default=5.0, help="to measure for (default 5)")
    text = "compile for chips that are not there, as v5e:4x4, and predict; measures nothing"
    command.add_argument("--topology", metavar="NAME", help=text)
    command.add_argument("--out", metavar="FILE", help="also write the record as JSON")


def run(arguments) -> None:
    """Prints the record; of a run folder it is kept in the folder."""
    from genlab.config import ConfigError
    from genlab.runs.files import write_json

    if not (arguments.config or arguments.workdir):
        raise ConfigError("--config=... is needed, or the --workdir=... of a run; see --help")
    name = "bench.json"
    if arguments.topology:
        from genlab.train.topology import foresee, lines

        name = f"topology_{arguments.topology.replace(':', '_')}.json"
        print(f"compiling for {arguments.topology} ...", file=sys.stderr)
        record = foresee(options.described(arguments), arguments.topology)
    else:
        from genlab.train.benchmark import bench, lines

        record = bench(options.described(arguments), arguments.seconds)
    print("\n".join(lines(record)))
    out = arguments.out or (arguments.workdir and f"{arguments.workdir}/{name}")
    if out:
        write_json(Path(out), record)
