"""Being told to stop: Ctrl-C, SIGTERM, a scheduler's preemption.

Under `watched()` the first signal is only noted: what is in flight ends, and whoever looks at
`requested()` saves and raises `Interrupted`. A second signal ends the process at once.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_noted: list[int] = []  # signals since the outermost `watched()` began


class Interrupted(KeyboardInterrupt):
    """A run stopped because it was asked to, and can go on; not an `Exception`, so that nothing
    takes it for a failure.

    number: of the signal; a program that ends by it has exit status 128 + number
    """

    def __init__(self, told: str, number: int = signal.SIGINT):
        super().__init__(told)
        self.number = int(number)


def requested() -> int | None:
    """The signal that asked to stop, None where there was none."""
    return _noted[0] if _noted else None


def request(number: int = signal.SIGTERM) -> None:
    """Asks to stop, as the signal would: for schedulers that announce themselves otherwise."""
    _noted.append(int(number))


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Signals are noted meanwhile; afterwards they are what they were before.

    Outside the main thread, where Python has no signals, only `request` asks to stop. The second
    Ctrl-C in a notebook is a KeyboardInterrupt, elsewhere any second signal is the system's own.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number, frame):
        _noted.append(number)
        for one, handler in before.items():
            keep = _hosted() and one == signal.SIGINT
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
def heard() -> Iterator[None]:
    """SIGTERM raises `Interrupted` where nobody watches, for there is nothing to save."""

    def leave(number, frame):
        raise Interrupted("", number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _hosted() -> bool:
    """Whether a person's session, a notebook or a prompt, shall outlive what is interrupted."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
