"""Multi-process runs: start-up, agreement, shutdown.

Each process has devices of its own, and the mesh of `placement.py` spans them all. The main process
(number 0) writes the run folder. Messages go through the key-value store of
`jax.distributed`; arrays never do. With one process every function here is the plain call.
"""

import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import jax

from genlab.config import ConfigError
from genlab.runtime import signals, watchdog

HEARTBEAT = 30  # s without a sign of life after which a process counts as lost
CONNECT = 60  # s to connect at the start
POLL = 1.0  # s: the longest wait in one call, so that signals are handled in between
T = TypeVar("T")
_serial = itertools.count()  # of messages: equal in all processes, which send them in one order


class Flags(NamedTuple):
    """The command line's settings of processes; `None` where the environment decides."""

    coordinator: str | None = None  # HOST:PORT of the first process, or "auto"
    count: int | None = None  # pyright: ignore[reportIncompatibleMethodOverride]
    index: int | None = None  # pyright: ignore[reportIncompatibleMethodOverride]


def start(flags: Flags = Flags()) -> None:  # noqa: B008
    """Joins the run's other processes, before anything touches a device.

    Without flags only where a launcher has started several tasks of one step (see `launched`); with
    coordinator="auto" as `jax.distributed.initialize` finds it, on TPU pods for instance.

    Raises ConfigError for flags that are wrong. Where the others do not connect in time this
    process ends: XLA, which waits for them, would end it with a stack trace.
    """
    _check(flags)
    found = None
    if flags.coordinator in (None, "auto"):
        found = flags.coordinator or launched(os.environ)
        if not found:
            return
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    asked = found or f"--coordinator={flags.coordinator}"
    text = f"the processes did not find one another within {CONNECT} s ({asked})"
    advice = "start all of them, with one address that each can reach and a free port on it"
    late = threading.Timer(CONNECT, watchdog.abort, [f"{text}: {advice}", 2])
    late.start()
    try:
        jax.distributed.initialize(
            None if found else flags.coordinator, flags.count, flags.index,
            cluster_detection_method=None if found else "deactivate",
            initialization_timeout=2 * CONNECT, heartbeat_timeout_seconds=HEARTBEAT,
            shutdown_timeout_seconds=HEARTBEAT,
        )  # fmt: skip
    except Exception as error:
        raise ConfigError(f"{asked}: {' '.join(str(error).split())[:160]}: {advice}") from None
    finally:
        late.cancel()
    host = _state().coordinator_address.rpartition(":")[0]
    watchdog.connect(index(), count(), host, _publish, _wait)


def launched(environment) -> str | None:
    """The launcher of several tasks of one program, by its environment variables: "Slurm" (an srun
    step), "Open MPI" or "TPU"; None for a shell, a batch script or a single task.
    """
    several = {
        "Slurm": environment.get("SLURM_STEP_NUM_TASKS", "1"),
        "Open MPI": environment.get("OMPI_COMM_WORLD_SIZE", "1"),
        "TPU": environment.get("MEGASCALE_NUM_SLICES", "1"),
    }
    if "," in environment.get("TPU_WORKER_HOSTNAMES", ""):
        return "TPU"
    return next((name for name, n in several.items() if n.isdecimal() and int(n) > 1), None)


def count() -> int:
    """Number of processes of this run."""
    return _state().num_processes


def index() -> int:
    """This one's number, from 0."""
    return _state().process_id


def is_main() -> bool:
    """Whether this is the process that writes to the run folder and the terminal."""
    return index() == 0


def agreed(act: Callable[[], T], same: Callable[[T], str] = lambda _: "") -> T:
    """`act()` in every process; if one of them raises, all raise.

    same: text of a result that has to be equal in all processes, else ConfigError
    """
    if count() == 1:
        return act()
    result, failure = _attempt(act)
    answers = _gathered(json.dumps([_text(failure), "" if failure else same(result)]))
    if failure:
        raise failure
    each = [json.loads(text) for text in answers]
    for number, (error, _) in enumerate(each):
        if error:
            raise ConfigError(f"process {number}: {error}")
    odd = next((n for n, (_, text) in enumerate(each) if text != each[0][1]), None)
    if odd is not None:
        raise ConfigError(f"processes 0 and {odd} were given different configs: start all alike")
    return result


def on_main(act: Callable[[], T]) -> T:
    """`act()` in the main process; its result (as JSON has it) or its error in all of them."""
    if count() == 1:
        return act()
    name = f"genlab/{next(_serial)}"
    if is_main():
        result, failure = _attempt(act)
        _publish(name, json.dumps([None if failure else result, _text(failure)]))
        if failure:
            raise failure
        return result
    result, failed = json.loads(_wait(name))
    if failed:
        kind = ConfigError if failed.startswith("ConfigError: ") else RuntimeError
        raise kind(failed.removeprefix("ConfigError: "))
    return result


class Stop:
    """Whether to stop, asked before each dispatch; all processes stop before the same one.

    A process that gets a signal publishes the number of a dispatch that no other can have passed,
    for none is more than `ahead` dispatches ahead of the slowest; all stop when they reach it.
    """

    def __init__(self, ahead: int):
        self.ahead, self.asked, self.stop = ahead, 0, None  # stop: (dispatch, signal)
        self.name = f"genlab/{next(_serial)}" if count() > 1 else ""

    def __call__(self) -> int | None:
        """The signal to stop for, now; None to go on."""
        noted = signals.requested()
        if not self.name:
            return noted
        if noted and self.stop is None:
            with contextlib.suppress(jax.errors.JaxRuntimeError):  # another was first
                _client().key_value_set(self.name, f"{self.asked + self.ahead + 1} {noted}")
        if self.stop is None:
            with contextlib.suppress(jax.errors.JaxRuntimeError):  # no process has
                self.stop = tuple(map(int, _client().key_value_try_get(self.name).split()))
        self.asked += 1
        return self.stop[1] if self.stop and self.asked > self.stop[0] else None


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """An error in this process alone ends it at once, with a line, and so all the others.

    Python's own exit would wait at a barrier for the others, which wait in a collective for it.
    """
    try:
        yield
    except (ConfigError, FloatingPointError, signals.Interrupted) as error:
        if count() == 1 or str(error):  # all processes raise these
            raise
        watchdog.abort(f"process {index()}: interrupted; {watchdog.ADVICE}")
    except BaseException as error:
        if count() == 1:
            raise
        time.sleep(2 * POLL)  # if another process is gone, the watchdog says so first
        text = " ".join(str(error).split())[:300]
        watchdog.abort(f"process {index()}: {type(error).__name__}: {text}; {watchdog.ADVICE}")


def _check(flags: Flags) -> None:
    coordinator, n, i = flags
    if coordinator in (None, "auto"):
        if (n, i) != (None, None):
            raise ConfigError("--processes and --process need --coordinator=HOST:PORT")
        return
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ConfigError(f"--coordinator={coordinator}; expected HOST:PORT, or auto")
    if n is None or i is None:
        raise ConfigError(
            f"--coordinator={coordinator} needs --processes=N and --process=I, I from 0 to N - 1"
        )
    if not 0 <= i < n:
        raise ConfigError(f"--process={i} of --processes={n}; expected 0 to {max(n - 1, 0)}")


def _gathered(text: str) -> list[str]:
    """The texts of all processes, in each of them."""
    name = f"genlab/{next(_serial)}"
    _publish(f"{name}/{index()}", text)
    if is_main():
        _publish(f"{name}/all", json.dumps([_wait(f"{name}/{i}") for i in range(count())]))
    return json.loads(_wait(f"{name}/all"))


def _attempt(act: Callable) -> tuple[Any, Exception | None]:
    try:
        return act(), None
    except Exception as error:
        return None, error


def _text(error: Exception | None) -> str:
    return f"{type(error).__name__}: {error}" if error else ""


def _publish(name: str, text: str) -> None:
    _client().key_value_set(name, text)


def _wait(name: str) -> str:
    """The text published under a name, as soon as it is."""
    while True:
        try:
            return _client().blocking_key_value_get(name, int(1000 * POLL))
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise


def _client() -> Any:
    return _state().client


def _state() -> Any:
    from jax._src import distributed  # JAX has no public name for it; Orbax goes this way too

    return distributed.global_state
