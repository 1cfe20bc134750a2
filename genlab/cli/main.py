"""The one program: `genlab train | evaluate | sample | edit | apply | inspect | sweep | ...`.

Nothing heavy is imported before the command is known, so that `--help` answers at once.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator

from genlab.cli import (
    apply,
    bench,
    edit,
    evaluate,
    export,
    feedback,
    inspect,
    options,
    prepare,
    report,
    sample,
    serve,
    sweep,
    train,
)
from genlab.runtime.cache import start_jax
from genlab.runtime.signals import interruptible
from genlab.runtime.terminal import steady

COMMANDS = {
    "sweep": sweep, "train": train, "evaluate": evaluate, "sample": sample, "edit": edit,
    "apply": apply, "inspect": inspect, "export": export, "serve": serve, "feedback": feedback,
    "report": report, "bench": bench, "prepare": prepare,
}  # fmt: skip
GOES_ON = "; the same command goes on from the last checkpoint"
RESUMED = {"train", "sweep"}  # where a run does not say by itself what is saved
DESCRIPTION = """\
genlab: a JAX laboratory for generative models.

  genlab sweep    --config=FILE --workdir=DIR   every variant x every seed, then a report
  genlab train    --config=FILE --workdir=DIR   one run; takes up again where it stopped
  genlab evaluate --workdir=DIR                 score a run on its test split
  genlab evaluate --real=SET --fake=SET         score images: two folders or npz files
  genlab sample   --workdir=DIR                 grids, PNGs, npz, interpolations, truncation
  genlab edit     --workdir=DIR                 pictures inverted, and edited along a direction
  genlab apply    --workdir=DIR --input=PHOTOS  whole pictures of any size repaired, into --output
  genlab inspect  FILE ...                      which run made a picture, with which settings
  genlab export   --workdir=DIR --out=DIR       a sampler that needs JAX alone, and a model card
  genlab serve    DIR ...                       a page and an HTTP API over trained runs
  genlab feedback --workdir=DIR                 a reward fitted to verdicts on a run's samples
  genlab report   --workdir=DIR                 run folders to one HTML page and a table
  genlab bench    --config=FILE                 compile time, images/s, FLOPs, memory
  genlab prepare  NAME | --config=FILE          a data set, once: tfds:NAME, or a folder of images

Any field of a config can be set: --config.batch_size=128 --config.method.generator.trunk.width=32
"""


@steady()
def main(argv: list[str] | None = None) -> int:
    """Runs a command: 0 if all went well, 1 if a run failed, 2 for a mistake in what was asked.

    Whatever goes wrong is reported in one line, which names the user's own file and line where the
    error is from there, and a file with the traceback; `--traceback` prints that.
    """
    sys.path.insert(0, os.getcwd())  # what lies where the user stands can be named in a config
    from genlab.config import ConfigError

    typed = sys.argv[1:] if argv is None else argv
    try:
        arguments, rest = parser().parse_known_args(typed)
        options.complete(arguments, rest)
        with _warnings_in_one_line():
            if arguments.jax:
                start_jax()
            with interruptible():
                return arguments.run(arguments) or 0
    except KeyboardInterrupt as stop:
        text = str(stop) or f"interrupted{GOES_ON if typed[0] in RESUMED else ''}"
        print(f"\ngenlab: {text}", file=sys.stderr)
        return 128 + getattr(stop, "number", signal.SIGINT)
    except Exception as error:
        if "--traceback" in typed:
            traceback.print_exc()
        print(f"genlab: {_told(error)}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1


def _told(error: Exception) -> str:
    """An error in one line. Where a user's code or nobody's foresight is behind it, the line names
    the user's file and line, and a file that has the traceback.
    """
    from genlab.config import ConfigError, one_line, place_of
    from genlab.runs.files import NotWritten

    foreseen = isinstance(error, ConfigError | FloatingPointError | NotWritten | OSError)
    place = place_of(error)
    text = one_line(error) if foreseen else f"{type(error).__name__}: {one_line(error, 300)}"
    if foreseen and (not place or (isinstance(error, ConfigError) and error.__cause__ is None)):
        return text
    kept = [] if not place or place in text else [place]
    with contextlib.suppress(OSError):  # no folder for it
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",  # any text may be in a user's message
            prefix="genlab-",
            suffix=".txt",
            delete=False,
        ) as file:
            traceback.print_exception(error, file=file)
        kept.append(f"traceback in {file.name}")
    return f"{text} ({'; '.join(kept)})" if kept else text


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Meanwhile what is said to users is printed without the line of code that says it; warnings of
    other kinds, which are for programmers, are printed as Python does.
    """
    from genlab.config import one_line

    usual = warnings.formatwarning

    def formatted(message, category, *place):
        if category is UserWarning:
            return f"warning: {one_line(message)}\n"
        return usual(message, category, *place)

    warnings.formatwarning = formatted
    try:
        yield
    finally:
        warnings.formatwarning = usual


def parser() -> argparse.ArgumentParser:
    """The commands with their options; a parsed command has its module's `run`."""
    found = _Parser(
        "genlab", description=DESCRIPTION, formatter_class=_Raw, usage=argparse.SUPPRESS
    )
    found.add_argument("--version", action=_Version, help="which genlab this is")
    commands = found.add_subparsers(
        prog="genlab", title="commands", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, description=module.ABOUT, formatter_class=_Raw, allow_abbrev=False
        )
        text = "print the traceback of an error, too"
        command.add_argument("--traceback", action="store_true", help=text)
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


class _Version(argparse.Action):
    """Prints the version, which is asked for only then."""

    def __init__(self, option_strings, dest, help=None):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser, *_):
        from genlab.runs.environment import version

        print(f"genlab {version()}")
        parser.exit()


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Descriptions as they are written."""


if __name__ == "__main__":
    sys.exit(main())
