"""`genlab bench`: what a config costs on this machine."""

from pathlib import Path

from genlab.cli import options

ABOUT = "Measure what a config costs on this machine."


def add(command) -> None:
    """Its options."""
    options.config(command, "experiment file, defines config()", required=True)
    options.variant(command)
    command.add_argument("--seconds", type=float, default=5.0, help="to measure for (default 5)")
    command.add_argument("--out", metavar="FILE", help="also write the record as JSON")


def run(arguments) -> None:
    """Prints the record."""
    from genlab.runs.files import write_json
    from genlab.train.benchmark import bench, lines

    record = bench(options.described(arguments), arguments.seconds)
    print("\n".join(lines(record)))
    if arguments.out:
        write_json(Path(arguments.out), record)
