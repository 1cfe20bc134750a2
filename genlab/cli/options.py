"""Options that several commands share, and `--config.a.b=value`, which argparse cannot declare."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

KINDS = ("config", "slurm")  # of `--KIND.name=value`
PATHS = (
    "config",
    "workdir",
    "out",
    "real",
    "fake",
    "train",
    "data_dir",
    "manual_dir",
    "name",
    "input",
    "output",
    "mask",
    "target",
    "add",
    "of",
    "tune",
    "reward",
    "search",
)


def config(command: argparse.ArgumentParser, purpose: str, required: bool = False) -> None:
    """`--config=FILE`, and with it `--config.a.b=value`."""
    command.add_argument("--config", metavar="FILE", help=purpose)
    command.set_defaults(config_required=required)


def variant(command: argparse.ArgumentParser) -> None:
    """`--variant=NAME`."""
    text = "one of the file's sweep() variants"
    command.add_argument("--variant", metavar="NAME", help=text)


def workdir(command: argparse.ArgumentParser, required: bool = True) -> None:
    """`--workdir=DIR`."""
    command.add_argument("--workdir", metavar="DIR", help="the run or sweep folder")
    command.set_defaults(workdir_required=required)


def step(
    command: argparse.ArgumentParser,
    text: str = "the checkpoint of this round (default: the best where loop.best chose one)",
) -> None:
    """`--step=ROUND|last`."""
    command.add_argument("--step", type=_round, metavar="ROUND|last", help=text)


def _round(text: str) -> int | str:
    try:
        return text if text == "last" else whole(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a round, or last") from None


def accept_code_change(command: argparse.ArgumentParser) -> None:
    """`--accept-code-change`."""
    text = "go on, or skip what is finished, though your code is not what it was; it is recorded"
    command.add_argument("--accept-code-change", action="store_true", help=text)


def profile(command: argparse.ArgumentParser) -> None:
    """`--profile=START:STOP`."""
    text = "trace the rounds after START up to STOP, and say what they spend their time on"
    command.add_argument("--profile", metavar="START:STOP", help=text)


def profiled(arguments: argparse.Namespace, config):
    """The rounds that `--profile` asks for, or None; ConfigError for rounds that `config` does not
    play.
    """
    from genlab.config import ConfigError
    from genlab.runtime.profiling import rounds

    if arguments.profile is None:
        return None
    asked = rounds(arguments.profile)
    if asked.stop > config.loop.steps:
        raise ConfigError(
            f"--profile ends with round {asked.stop}, the run with {config.loop.steps}"
        )
    return asked


def print_profile(arguments: argparse.Namespace) -> None:
    """The summary of the trace in the work folder, if one was asked for."""
    from genlab.runs.files import sound_object_in
    from genlab.runtime.profiling import lines

    if arguments.profile is None:
        return
    if found := sound_object_in(Path(arguments.workdir) / "profile.json"):
        print("\n".join(lines(found)))
    else:
        print(f"--profile: the run was past round {arguments.profile.split(':')[1]} already")


def described(arguments: argparse.Namespace):
    """The config that a command's options describe: of an experiment file, or of a run folder."""
    from genlab.config.files import load
    from genlab.runs.folder import RunFolder
    from genlab.sweep.plan import configure

    if arguments.config is None:
        return RunFolder.at(arguments.workdir, resuming=True).config
    return configure(load(arguments.config), arguments.variant, arguments.overrides)


def whole(text: str) -> int:
    """A whole number, 1e3 too."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text} is no whole number")
    return int(text) if text.strip().lstrip("+-").isdecimal() else int(number)


def complete(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Reads the words that argparse left: `--config.a.b=value`, or `--config.a.b value`, into
    `arguments.overrides`, and `--slurm.NAME=value` into `arguments.slurm`.

    Raises ConfigError for an option that the command does not have, and for one that it lacks.
    """
    from genlab.config import ConfigError, did_you_mean

    known = {option for action in arguments.parser._actions for option in action.option_strings}
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    words = list(rest)
    while words:
        name, equals, value = words.pop(0).partition("=")
        kind, _, field = name.removeprefix("--").partition(".")
        if not field or kind not in (*KINDS[:1], *arguments.kinds) or not name.startswith("--"):
            raise ConfigError(f"no option {name!r}{did_you_mean(name, known)}")
        if not equals and not words:
            raise ConfigError(f"{name} has no value: {name}=...")
        found[kind][field] = value if equals else words.pop(0)
    for option in PATHS:  # a shell expands "~" in few of them
        if value := getattr(arguments, option, None):
            setattr(arguments, option, os.path.expanduser(value))
    arguments.overrides, arguments.slurm = found["config"], found["slurm"]
    for option in ("workdir", "config"):
        if getattr(arguments, f"{option}_required") and not getattr(arguments, option):
            raise ConfigError(f"--{option}=... is needed; see --help")
    if arguments.overrides and arguments.config is None:
        raise ConfigError(
            "--config.field=value needs --config=FILE: what is in a work folder stays as it was"
        )
