"""`genlab report`: run folders to one page."""


def _report(arguments) -> None:
    from genlab.report import write

    made = write(arguments.workdir)
    print(f"{made.results}\n\nreport: {made.html}")
