"""An application on a port of this machine, served by a thread, for a browser."""

import contextlib
import socket
import threading

import uvicorn


@contextlib.contextmanager
def serving(application):
    """Its address."""
    settings = uvicorn.Config(application, log_level="warning", ws="none")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join()
