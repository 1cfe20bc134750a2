"""`genlab serve`: a page and an HTTP API over trained runs."""

import contextlib

from genlab.cli import options

ABOUT = "A page and an HTTP API over trained runs; pip install 'genlab[page]'."


def add(command) -> None:
    """Its options."""
    command.add_argument("runs", nargs="+", metavar="DIR", help="folders of runs or of sweeps")
    text = "another address than this machine's own (127.0.0.1) wants a token, which is printed"
    command.add_argument("--host", default="127.0.0.1", help=text)
    command.add_argument("--port", type=options.whole, default=8000, help="default 8000; 0: any")
    command.add_argument("--token", help="this token, in place of one that is made up")


def run(arguments) -> None:
    """Serves until it is stopped."""
    from genlab.web.serving import serve

    with contextlib.suppress(KeyboardInterrupt):  # how a server is stopped
        serve(arguments.runs, arguments.host, arguments.port, arguments.token)
