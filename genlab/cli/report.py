"""`genlab report`: run folders to one page."""

from genlab.cli import options

ABOUT = "Write report.html and report.md for a run or a sweep."


def add(command) -> None:
    """Its options."""
    options.workdir(command)


def run(arguments) -> None:
    """Prints the table of results and where the page is."""
    from genlab.report import write

    made = write(arguments.workdir)
    print(f"{made.results}\n\nreport: {made.html}")
