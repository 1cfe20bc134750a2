"""`genlab serve`: the application behind its guard, on a port."""

import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from genlab.config import ConfigError
from genlab.web import runs
from genlab.web.guard import LOOPBACK, Guard


def serve(
    folders: Sequence[str | Path],
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Serves the runs in `folders` until it is stopped. On this machine alone it wants no token; on
    any other address one is made and said once, if none is given.

    ConfigError for folders without runs, for a port that is taken, and without the extra `page`.
    """
    try:
        import uvicorn

        from genlab.web.app import application
        from genlab.web.connection import Connection
    except ImportError:
        raise ConfigError("genlab serve needs pip install 'genlab[page]'") from None
    served = runs.found(folders)
    local = host in LOOPBACK
    token = token if local or token else secrets.token_urlsafe(24)
    bound = _bound(host, port)
    where = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
    say(f"{len(served)} run{'s' * (len(served) > 1)} at {where}/{f'#token={token}' * bool(token)}")
    guarded = Guard(application(served), token, LOOPBACK if local else ())
    config = uvicorn.Config(
        guarded, http=Connection, log_level="warning", timeout_keep_alive=10,
        h11_max_incomplete_event_size=64 << 10, server_header=False, lifespan="on",
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(kind, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(2_048)  # who calls once the address is said waits, and is not refused
        return bound
    except (OSError, OverflowError) as error:
        told = getattr(error, "strerror", None) or error
        raise ConfigError(f"--host={host} --port={port} cannot be used: {told}") from None
