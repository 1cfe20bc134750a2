"""`genlab report`: run folders to one page."""

import argparse

from genlab.cli import options

ABOUT = "Write report.html and report.md for a run or a sweep, also while it goes on."


def add(command) -> None:
    """Its options."""
    options.workdir(command)
    text = "write it again whenever a run has something new (looked at every 30 s, or SECONDS)"
    command.add_argument(
        "--watch", nargs="?", const=30.0, type=_seconds, metavar="SECONDS", help=text
    )


def run(arguments) -> None:
    """Prints the table of results and where the page is."""
    from genlab.report import write
    from genlab.report.watch import watch

    if not arguments.watch:
        made = write(arguments.workdir)
    else:
        try:
            made = watch(arguments.workdir, arguments.watch)
        except KeyboardInterrupt:  # which is how watching ends: the page is to stay as it is
            made = write(arguments.workdir)
    print(f"{made.results}\n\nreport: {made.html}")


def _seconds(text: str) -> float:
    """A number of seconds, at least one."""
    seconds = float(text)
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text}: give seconds from 1 to 86400")
    return seconds
