"""A socket between each process and the first, which the system closes when a process dies.

Collectives alone do not tell: the survivor of a killed process may wait in its all-reduce for ever,
and the heartbeats of `jax.distributed` take tens of seconds to give up, with a stack trace. Here a
thread sees the end of the connection at once, says who is gone and ends the process. A machine that
vanishes without closing its sockets is left to the heartbeats.
"""

import atexit
import contextlib
import os
import secrets
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable

KEY = "genlab/watchdog"
ADVICE = "the same command in every process goes on from the last checkpoint"
BYE = b"\n"  # an empty line: a process that leaves in good order
GRACE = 0.5  # s the first process stays for the others to have read why it leaves
PATIENCE = 30.0  # s to connect; whoever cannot goes without
_peers: dict[int, socket.socket] = {}


def tie(index: int, count: int, host: str, say: Callable[[str, str], None], hear) -> None:
    """Connects process `index` of `count`, and watches in a thread of its own.

    host: of the first process; say, hear: a store of words that all share
    """
    with contextlib.suppress(OSError):
        _accept(count, say) if index == 0 else _connect(index, host, hear(KEY))
    for peer in _peers.values():
        peer.settimeout(None)
    atexit.register(_say_to_all, BYE)  # before JAX's own exit, which waits for the others
    threading.Thread(target=_watch, args=(count,), daemon=True).start()


def cut(told: str, status: int = 1) -> None:
    """Says why, here and to those who are tied to this process, and ends it at once."""
    with contextlib.suppress(OSError):
        os.write(2, f"genlab: {' '.join(told.split())}\n".encode())
    _say_to_all(told.encode() + b"\n")
    if 0 not in _peers:
        time.sleep(GRACE)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(status)


def _accept(count: int, say) -> None:
    token = secrets.token_hex(8)
    with socket.create_server(("", 0), backlog=count) as server:
        say(KEY, f"{server.getsockname()[1]} {token}")
        server.settimeout(PATIENCE)
        while len(_peers) < count - 1:
            peer, _ = server.accept()
            peer.settimeout(PATIENCE)
            word, _, number = peer.recv(64).decode(errors="replace").partition(" ")
            if word == token and number.isdecimal():
                _peers[int(number)] = peer


def _connect(index: int, host: str, told: str) -> None:
    port, token = told.split()
    first = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
    first.sendall(f"{token} {index}".encode())
    _peers[0] = first


def _watch(count: int) -> None:
    """Until every peer has left, in good order or not."""
    with selectors.DefaultSelector() as watched:
        for number, peer in _peers.items():
            watched.register(peer, selectors.EVENT_READ, number)
        while watched.get_map():
            for key, _ in watched.select():
                _heard(watched, _peers[key.data], key.data, count)


def _heard(watched: selectors.BaseSelector, peer: socket.socket, number: int, count: int) -> None:
    try:
        word = peer.recv(4096)
    except OSError:
        word = b""
    if word == BYE:
        watched.unregister(peer)
    elif word:
        cut(word.decode(errors="replace"))
    else:
        cut(f"process {number} of {count} ended before the run did; so does this: {ADVICE}")


def _say_to_all(word: bytes) -> None:
    for peer in _peers.values():
        with contextlib.suppress(OSError):
            peer.sendall(word)
