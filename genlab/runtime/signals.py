"""Requests to stop: Ctrl-C, SIGTERM, SIGHUP (its terminal is gone), a scheduler's preemption.

Under `watched()` the first signal is only noted: the training loop sees it by `requested()` after
the dispatch under way, saves and raises `Interrupted`. A second signal ends the process at once.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_noted: list[int] = []  # signals since the outermost `watched()` began


class Interrupted(KeyboardInterrupt):
    """A run stopped on request, which can go on; not an `Exception`, so that nothing takes it for a
    failure.

    number: of the signal; a program that ends by it has exit status 128 + number
    """

    def __init__(self, text: str, number: int = signal.SIGINT):
        super().__init__(text)
        self.number = int(number)


def requested() -> int | None:
    """The signal that asked to stop, or None."""
    return _noted[0] if _noted else None


def request(number: int = signal.SIGTERM) -> None:
    """Asks to stop, as the signal would; for schedulers that announce preemption otherwise."""
    _noted.append(int(number))


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Notes signals meanwhile; restores the handlers afterwards.

    Outside the main thread, where Python has no signals, only `request` asks to stop. The second
    Ctrl-C in a notebook is a KeyboardInterrupt, elsewhere any second signal is the system's own,
    but for one that only says again that the terminal is gone.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {n: signal.getsignal(n) for n in SIGNALS if not _ignored(n)}

    def note(number, frame):
        _noted.append(number)
        if number == signal.SIGHUP:
            return  # the system and the shell may both send it
        for one, handler in before.items():
            keep = _interactive() and one == signal.SIGINT
            signal.signal(one, handler if keep else signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        _noted.clear()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Interrupted` at once, where nothing under way needs saving."""

    def leave(number, frame):
        if number == signal.SIGHUP:
            signal.signal(number, signal.SIG_IGN)  # it may be sent twice
        raise Interrupted("", number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in SIGNALS if n != signal.SIGINT and not _ignored(n)]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _ignored(number: int) -> bool:
    """Whether a hang-up is none of this process's business: it was started by nohup."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _interactive() -> bool:
    """Whether Python is interactive, a notebook or a prompt, which an interrupt must not end."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
