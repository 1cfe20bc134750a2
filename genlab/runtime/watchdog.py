"""Watchdog of multi-process runs: if one process dies the others exit within seconds.

The survivor of a killed process may wait in its all-reduce for ever, and the heartbeats of
`jax.distributed` take tens of seconds to give up, with a stack trace. Here each process has a
socket to the main one, which the system closes when either dies: a thread sees it at once, prints
which process is gone and ends this one. Heartbeats catch a machine that vanishes without closing
sockets.
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
BYE = b"\n"  # an empty line: a process that ends in good order
GRACE = 0.5  # s the main process waits for the others to read why it ends
PATIENCE = 30.0  # s to connect; a process that cannot runs without a watchdog
_peers: dict[int, socket.socket] = {}


def connect(index: int, count: int, host: str, publish: Callable[[str, str], None], wait) -> None:
    """Connects process `index` of `count` and watches the connections in a thread.

    host:          of the main process
    publish, wait: write and read of a key-value store that all share
    """
    with contextlib.suppress(OSError):
        _accept(count, publish) if index == 0 else _connect(index, host, wait(KEY))
    for peer in _peers.values():
        peer.settimeout(None)
    atexit.register(_send_to_all, BYE)  # before JAX's own exit, which waits for the others
    threading.Thread(target=_watch, args=(count,), daemon=True).start()


def abort(reason: str, status: int = 1) -> None:
    """Ends this process at once, and prints why here and in the processes connected to it."""
    with contextlib.suppress(OSError):
        os.write(2, f"genlab: {' '.join(reason.split())}\n".encode())
    _send_to_all(reason.encode() + b"\n")
    if 0 not in _peers:
        time.sleep(GRACE)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(status)


def _accept(count: int, publish) -> None:
    token = secrets.token_hex(8)
    with socket.create_server(("", 0), backlog=count) as server:
        publish(KEY, f"{server.getsockname()[1]} {token}")
        server.settimeout(PATIENCE)
        while len(_peers) < count - 1:
            peer, _ = server.accept()
            peer.settimeout(PATIENCE)
            word, _, number = peer.recv(64).decode(errors="replace").partition(" ")
            if word == token and number.isdecimal():
                _peers[int(number)] = peer


def _connect(index: int, host: str, address: str) -> None:
    port, token = address.split()
    first = socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
    first.sendall(f"{token} {index}".encode())
    _peers[0] = first


def _watch(count: int) -> None:
    """Until every peer has ended, in good order or not."""
    with selectors.DefaultSelector() as watched:
        for number, peer in _peers.items():
            watched.register(peer, selectors.EVENT_READ, number)
        while watched.get_map():
            for key, _ in watched.select():
                _handle(watched, _peers[key.data], key.data, count)


def _handle(watched: selectors.BaseSelector, peer: socket.socket, number: int, count: int) -> None:
    try:
        word = peer.recv(4096)
    except OSError:
        word = b""
    if word == BYE:
        watched.unregister(peer)
    elif word:
        abort(word.decode(errors="replace"))
    else:
        abort(f"process {number} of {count} ended before the run did; so does this: {ADVICE}")


def _send_to_all(word: bytes) -> None:
    for peer in _peers.values():
        with contextlib.suppress(OSError):
            peer.sendall(word)
