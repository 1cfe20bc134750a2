"""The one program: `genlab train | evaluate | sample | sweep | bench | report | prepare`.

Nothing heavy is imported before the command is known, so that `--help` answers at once.
"""

import argparse
import os
import signal
import sys
import tempfile
import traceback

from genlab.cli import bench, evaluate, options, prepare, report, sample, sweep, train
from genlab.runtime.cache import start_jax
from genlab.runtime.signals import interruptible

COMMANDS = {
    "sweep": sweep, "train": train, "evaluate": evaluate, "sample": sample, "report": report,
    "bench": bench, "prepare": prepare,
}  # fmt: skip
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

    Whatever goes wrong is reported in one line.
    """
    sys.path.insert(0, os.getcwd())  # what lies where the user stands can be named in a config
    from genlab.config import ConfigError, one_line
    from genlab.runs.files import NotWritten

    try:
        arguments, rest = parser().parse_known_args(sys.argv[1:] if argv is None else argv)
        options.complete(arguments, rest)
        if arguments.jax:
            start_jax()
        with interruptible():
            return arguments.run(arguments) or 0
    except ConfigError as error:
        print(f"genlab: {one_line(error)}", file=sys.stderr)
        return 2
    except (FloatingPointError, NotWritten, OSError) as error:  # OSError: it names its file
        print(f"genlab: {one_line(error)}", file=sys.stderr)
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
        text = f"{type(error).__name__}: {one_line(error, 300)} (traceback in {file.name})"
        print(f"genlab: {text}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The commands with their options; a parsed command has its module's `run`."""
    found = _Parser(
        "genlab", description=DESCRIPTION, formatter_class=_Raw, usage=argparse.SUPPRESS
    )
    commands = found.add_subparsers(
        prog="genlab", title="commands", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, description=module.ABOUT, formatter_class=_Raw, allow_abbrev=False
        )
        command.set_defaults(
            run=module.run, parser=command, kinds=(), jax=True, config=None, variant=None,
            config_required=False, workdir_required=False,
        )  # fmt: skip
        module.add(command)
    return found


class _Parser(argparse.ArgumentParser):
    """Raises ConfigError, so that a mistake is reported in one line like any other."""

    def error(self, message: str):
        from genlab.config import ConfigError

        raise ConfigError(f"{message}; see {self.prog} --help")


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written."""


if __name__ == "__main__":
    sys.exit(main())
