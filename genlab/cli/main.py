"""The one program: `genlab train | evaluate | sample | sweep | bench | report | prepare`.

Nothing heavy is imported before the command is known, so that `--help` answers at once.
"""

import argparse
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable

from genlab.cli.bench import _bench
from genlab.cli.evaluate import _evaluate
from genlab.cli.options import EVALUATE, add_options
from genlab.cli.prepare import _prepare
from genlab.cli.report import _report
from genlab.cli.sample import _sample
from genlab.cli.sweep import _sweep
from genlab.cli.train import _train
from genlab.runtime.cache import start_jax
from genlab.runtime.signals import heard

DESCRIPTION = """\
genlab: a JAX laboratory for generative models.

  genlab sweep    --config=FILE --workdir=DIR   every variant x every seed, then a report
  genlab train    --config=FILE --workdir=DIR   one run; takes up again where it stopped
  genlab evaluate --workdir=DIR                 score a run on its test split
  genlab evaluate --real=SET --fake=SET         score images: two folders or npz files
  genlab sample   --workdir=DIR                 grids, PNGs, npz, interpolations, truncation
  genlab report   --workdir=DIR                 run folders to one HTML page and a table
  genlab bench    --config=FILE                 compile time, images/s, FLOPs, memory
  genlab prepare  NAME | --config=FILE          a data set, once: tfds:NAME, or a folder of images

Any field of a config can be set: --config.batch_size=128 --config.method.generator.trunk.width=32
"""


def main(argv: list[str] | None = None) -> int:
    """Runs a command: 0 if all went well, 1 if a run failed, 2 for a mistake in what was asked.

    Whatever goes wrong is told in one line.
    """
    sys.path.insert(0, os.getcwd())  # what lies where the user stands can be named in a config
    from genlab.config import ConfigError, told
    from genlab.runs.folder import NotWritten

    try:
        parser = _parser()
        arguments, rest = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
        arguments.overrides = _overrides(rest, parser, arguments)
        if arguments.run is not _prepare:
            start_jax()
        with heard():
            return arguments.run(arguments) or 0
    except ConfigError as error:
        print(f"genlab: {told(error)}", file=sys.stderr)
        return 2
    except (FloatingPointError, NotWritten, OSError) as error:  # OSError: it names its file
        print(f"genlab: {told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        text = str(stop) or "interrupted; the same command goes on from the last checkpoint"
        print(f"\ngenlab: {text}", file=sys.stderr)
        return 128 + getattr(stop, "number", signal.SIGINT)
    except Exception as error:
        with tempfile.NamedTemporaryFile(
            "w", prefix="genlab-", suffix=".txt", delete=False
        ) as file:
            traceback.print_exc(file=file)
        text = f"{type(error).__name__}: {told(error, 300)} (traceback in {file.name})"
        print(f"genlab: {text}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "genlab", description=DESCRIPTION, formatter_class=_Raw, usage=argparse.SUPPRESS
    )
    commands = parser.add_subparsers(
        prog="genlab", title="commands", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(
            name, description=text, formatter_class=_Raw, allow_abbrev=False
        )
        found.set_defaults(run=run, config=None, variant=None)
        return found

    _training_commands(command)
    _judging_commands(command)
    prepare = command("prepare", _prepare, "Prepare a data set once: downloads, cleans, writes.")
    prepare.add_argument("name", nargs="?", help="tfds:NAME (tfds:cifar10), or a folder of images")
    _config(prepare)
    prepare.add_argument("--data_dir", help="where TFDS keeps prepared sets")
    prepare.add_argument("--manual_dir", help="where a TFDS set's own files are, if got by hand")
    return parser


def _training_commands(command: Callable) -> None:
    train = command("train", _train, "Train one run; resumes what is in the folder, bit for bit.")
    _config(train)
    _workdir(train)
    text = "of process 0, where several play one run; those of Slurm and the like are found"
    train.add_argument("--coordinator", metavar="HOST:PORT", help=text)
    train.add_argument("--processes", type=int, metavar="N", help="how many there are")
    train.add_argument("--process", type=int, metavar="I", help="this one's number, from 0")
    text = "Train and evaluate every variant with every seed; finished runs are skipped."
    sweep = command("sweep", _sweep, text)
    text = "experiment file: config(), sweep(), SEEDS"
    sweep.add_argument("--config", metavar="FILE", help=text)
    sweep.add_argument("--seeds", metavar="0,1,2", help="instead of the file's SEEDS")
    sweep.add_argument("--only", metavar="A,B", help="these variants alone")
    text = "not in this process: in subprocesses, or as a Slurm array with --slurm.NAME=VALUE"
    sweep.add_argument("--executor", metavar="local|slurm", help=text)
    sweep.add_argument("--jobs", type=int, metavar="N", help="so many runs at a time")
    text = "train runs that differ in seeds and numbers alone by one program"
    sweep.add_argument("--together", action="store_true", help=text)
    _workdir(sweep)
    bench = command("bench", _bench, "Measure what a config costs on this machine.")
    _config(bench)
    bench.add_argument("--seconds", type=float, default=5.0, help="to measure for (default 5)")
    bench.add_argument("--out", metavar="FILE", help="also write the record as JSON")


def _judging_commands(command: Callable) -> None:
    judge = command("evaluate", _evaluate, EVALUATE)
    _workdir(judge)
    add_options(judge)
    sample = command("sample", _sample, "Draw from a trained run into WORKDIR/generated.")
    sample.add_argument("--n", type=int, default=64, help="how many (default 64)")
    sample.add_argument("--seed", type=int, default=0, help="of the latents (default 0)")
    sample.add_argument("--label", type=int, help="this label alone (conditional models)")
    sample.add_argument("--truncation", type=float, metavar="PSI", help="latents within +-PSI")
    text = "rows between pairs of latents, STEPS wide"
    sample.add_argument("--interpolate", type=int, metavar="STEPS", help=text)
    sample.add_argument("--formats", default="grid", metavar="grid,png,npz", help="default: grid")
    sample.add_argument("--step", type=int, help="the checkpoint of this round")
    _workdir(sample)
    _workdir(command("report", _report, "Write report.html and report.md for a run or a sweep."))


def _config(parser: argparse.ArgumentParser) -> None:
    text = "experiment file, defines config()"
    parser.add_argument("--config", metavar="FILE", help=text)
    parser.add_argument("--variant", metavar="NAME", help="one of the file's sweep() variants")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the rest of the program does."""

    def error(self, message: str):
        from genlab.config import ConfigError

        raise ConfigError(f"{message}; see {self.prog} --help")


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written."""


def _workdir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workdir", metavar="DIR", help="the run or sweep folder")


def _overrides(rest: list[str], parser: argparse.ArgumentParser, arguments) -> dict[str, str]:
    """`--config.a.b=value`, or `--config.a.b value`, for the commands that take a config."""
    from genlab.config import ConfigError, did_you_mean

    found, words = {}, list(rest)
    arguments.slurm = {}
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        given = found
        if name.startswith("--slurm.") and arguments.run is _sweep:
            given = arguments.slurm
        elif not name.startswith("--config."):
            options = [o for a in _options(parser) for o in a.option_strings]
            raise ConfigError(f"no option {name!r}{did_you_mean(name, options)}")
        if not equals and not words:
            raise ConfigError(f"{name} has no value: {name}=...")
        given[name.partition(".")[2]] = value if equals else words.pop(0)
    images = getattr(arguments, "real", None) or getattr(arguments, "fake", None)
    needed = {"--workdir": hasattr(arguments, "workdir") and not arguments.workdir and not images}
    needed["--config"] = arguments.run in (_sweep, _bench) and not arguments.config
    for option, missing in needed.items():
        if missing:
            raise ConfigError(f"{option}=... is needed; see --help")
    if found and arguments.config is None:
        raise ConfigError(
            "--config.field=value needs --config=FILE: what is in a work folder stays as it was"
        )
    return found


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    inner = [
        a.choices.values() for a in parser._actions if isinstance(a, argparse._SubParsersAction)
    ]
    return [action for parsers in inner for p in parsers for action in p._actions]


if __name__ == "__main__":
    sys.exit(main())
