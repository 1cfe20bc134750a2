"""`genlab bench`: what a config costs on this machine, or on TPUs that are not there."""

import math
import sys
from pathlib import Path

from genlab.cli import options

SECONDS = 5.0

ABOUT = "Measure what a config costs on this machine, or predict it for a topology of TPUs."


def add(command) -> None:
    """Its options."""
    options.config(command, "experiment file, defines config()")
    options.variant(command)
    options.workdir(command, required=False)
    command.add_argument(
        "--seconds", type=float, metavar="N", help=f"to measure for (default {SECONDS:g})"
    )
    text = "compile for chips that are not there, as v5e:4x4, and predict; measures nothing"
    command.add_argument("--topology", metavar="NAME", help=text)
    options.profile(command)
    command.add_argument("--out", metavar="FILE", help="also write the record as JSON")


def run(arguments) -> None:
    """Prints the record; of a run folder it is kept in the folder."""
    from genlab.runs.files import write_json

    _check(arguments)
    name = "bench.json"
    if arguments.topology is not None:
        from genlab.train.topology import foresee, lines

        name = f"topology_{arguments.topology.replace(':', '_')}.json"
        print(f"compiling for {arguments.topology} ...", file=sys.stderr)
        record = foresee(options.described(arguments), arguments.topology)
    else:
        from genlab.train.benchmark import bench, lines

        config = options.described(arguments)
        seconds = SECONDS if arguments.seconds is None else arguments.seconds
        record = bench(config, seconds, _trace(arguments, config))
    print("\n".join(lines(record)))
    if arguments.workdir and (found := _goodput(arguments.workdir)):
        record["goodput"] = found
    out = arguments.out or (arguments.workdir and f"{arguments.workdir}/{name}")
    if out:
        write_json(Path(out), record)


def _check(arguments) -> None:
    """Refuses, before anything is compiled, what would be ignored, or could not be written."""
    from genlab.config import ConfigError

    if not (arguments.config or arguments.workdir):
        raise ConfigError("--config=... is needed, or the --workdir=... of a run; see --help")
    for name in ("seconds", "profile"):
        if arguments.topology is not None and getattr(arguments, name) is not None:
            raise ConfigError(f"--{name} is for what is measured; --topology measures nothing")
    if arguments.seconds is not None and not 0 < arguments.seconds < math.inf:
        raise ConfigError(f"--seconds is {arguments.seconds:g}; it must be above 0")
    if out := arguments.out:
        if Path(out).is_dir() or not Path(out).parent.is_dir():
            told = "is a folder" if Path(out).is_dir() else f"there is no folder {Path(out).parent}"
            raise ConfigError(f"--out={out}: {told}; give a file for the record")


def _goodput(workdir: str):
    """Of the run in a folder, printed; None where there is none."""
    from genlab.runs.folder import RunFolder
    from genlab.runs.goodput import goodput, one_line

    if found := goodput(RunFolder(workdir)):
        print(f"goodput        {one_line(found)}")
    return found


def _trace(arguments, config):
    """What `--profile` asks for, in a folder beside the record."""
    from genlab.config import ConfigError
    from genlab.runtime.profiling import Trace

    if (asked := options.profiled(arguments, config)) is None:
        return None
    if arguments.workdir:
        return Trace(asked, Path(arguments.workdir) / "profile")
    if arguments.out:
        return Trace(asked, Path(arguments.out).with_suffix(".profile"))
    raise ConfigError("--profile needs --out=FILE or --workdir=DIR, where the trace is kept")
