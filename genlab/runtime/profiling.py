"""Traces of some rounds by `jax.profiler`, and what they say: how long devices compute, exchange,
wait, how busy the host is, and the longest operations.
"""

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from genlab.config import ConfigError
from genlab.runtime import topologies

EXCHANGE = re.compile(
    r"all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute|nccl|async-collective",
    re.IGNORECASE,
)
HOLDS_OTHERS = re.compile(r"^(while|conditional|call)\b")
WAITING = re.compile(r"wait|await|block|sleep|ThreadpoolListener", re.IGNORECASE)
APART = "genlab: not of the rounds"  # the event of what is done between them
CALL = "PjitFunction"  # the event of a call of a compiled function, in the thread that calls
DEVICE_LINES = ("XLA Ops", "Stream")  # of a TPU's and a GPU's plane: one event an operation
LONGEST = 10
Spans = list[tuple[float, float]]


class Rounds(NamedTuple):
    """Rounds `start` + 1 .. `stop` of a run."""

    start: int
    stop: int

    def next_stop(self, step: int) -> int | None:
        """The next round at which a dispatch has to end for the trace; None after the last."""
        return next((at for at in self if at > step), None)


class Operation(NamedTuple):
    """One on a device: name, nanoseconds of its begin and end."""

    name: str
    begin: float
    end: float


def rounds(text: str) -> Rounds:
    """Of "START:STOP"; ConfigError for what is not that."""
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ConfigError(
            f"--profile is {text!r}: give START:STOP, as 100:120 for the twenty rounds after 100"
        )
    return Rounds(int(match[1]), int(match[2]))


class Trace:
    """Traces the rounds asked for into `folder`, once."""

    def __init__(self, asked: Rounds, folder: str | Path):
        _refuse_a_tracer_without_its_device()
        self.asked, self.folder = asked, Path(folder)
        self.traced: Rounds | None = None  # those of this process: a run may begin within them
        self._since: int | None = None

    def before(self, step: int, state: Any) -> None:
        """To be called before a dispatch after round `step`, with what the last one gives: what was
        dispatched is played to its end before a trace begins.
        """
        import jax

        if self._since is None and self.asked.start <= step < self.asked.stop:
            jax.block_until_ready(state)
            options = jax.profiler.ProfileOptions()
            options.python_tracer_level = 0  # every call of Python would be an event
            jax.profiler.start_trace(str(self.folder), profiler_options=options)
            self._since = step

    @property
    def running(self) -> bool:
        """Whether rounds are traced now: they take longer."""
        return self._since is not None and not self.traced

    def ends(self, step: int) -> bool:
        """Whether a dispatch that ends with round `step` is the last to be traced."""
        return self.running and step >= self.asked.stop

    def after(self, step: int, metrics: Any) -> dict[str, Any]:
        """To be called after that dispatch, which gives `metrics`; the summary."""
        import jax

        jax.block_until_ready(metrics)
        self.traced = Rounds(self._since or 0, step)
        jax.profiler.stop_trace()
        return summary(self.folder, self.traced)

    def close(self) -> None:
        """Ends a trace that was begun and not ended."""
        import jax

        if self.running:
            self.traced = self.asked
            jax.profiler.stop_trace()


def apart() -> Any:
    """Context of what is done between rounds, as evaluation and compiling: no trace counts it. The
    devices have played what was dispatched when it begins.
    """
    import jax

    return jax.profiler.TraceAnnotation(APART)


def _refuse_a_tracer_without_its_device() -> None:
    """libtpu's tracer, once it is loaded, ends a process that has no TPU."""
    import jax

    if importlib.util.find_spec("libtpu") is None or jax.default_backend() == "tpu":
        return
    asked = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    if "tpu" in (asked or "tpu") or topologies.compiled_for_tpu():
        raise ConfigError(
            "libtpu is installed and there is no TPU, whose tracer would end this process: set "
            "JAX_PLATFORMS=cpu (or cuda), or uninstall libtpu, to use --profile"
        )


def summary(folder: Path, traced: Rounds) -> dict[str, Any]:
    """Of the newest trace in a folder: seconds a device computes, exchanges while it does not
    compute, and does neither, from its first operation to its last, means over devices; seconds
    the host's thread that calls JAX is busy in it; the operations that take longest. What is done
    `apart` counts in none of them.
    """
    import jax

    files = sorted(folder.rglob("*.xplane.pb"), key=lambda path: path.stat().st_mtime)
    planes = list(jax.profiler.ProfileData.from_file(str(files[-1])).planes)
    pauses = _pauses(planes)
    devices = {device: _outside(ran, pauses) for device, ran in operations(planes).items()}
    found = [_shares(ran, pauses) for ran in devices.values() if ran]
    seconds = {
        part: sum(one[part] for one in found) / len(found) / 1e9 if found else 0.0
        for part in ("compute", "collectives", "idle")
    }
    return {
        "rounds": list(traced),
        "devices": len(devices),
        "seconds": {**seconds, "host": _length(_host(planes, pauses)) / 1e9},
        "longest": longest([one for ran in devices.values() for one in ran]),
        "trace": str(files[-1].relative_to(folder)),
    }


def operations(planes: Iterable[Any]) -> dict[str, list[Operation]]:
    """What ran on each device; an operation that only holds others is left out. On CPU the host's
    threads say which device they work for.
    """
    found: dict[str, list[Operation]] = {}
    for plane in planes:
        own = plane.name if plane.name.startswith("/device:") else None
        for line in plane.lines:
            if own and not line.name.startswith(DEVICE_LINES):
                continue
            for event in line.events:
                said = dict(event.stats) if not own else {}
                if not own and "hlo_op" not in said:
                    continue
                name = str(said.get("hlo_op", event.name))
                if HOLDS_OTHERS.match(name):
                    continue
                device = own or f"{said.get('device_ordinal', 0)}"
                end = event.start_ns + event.duration_ns
                found.setdefault(device, []).append(Operation(name, event.start_ns, end))
    return found


def longest(ran: list[Operation]) -> list[dict[str, Any]]:
    """By name: seconds over all devices, how often, and the share of all operations' seconds."""
    sums: dict[str, list[float]] = {}
    for one in ran:
        sums.setdefault(one.name, []).append(one.end - one.begin)
    whole = sum(map(sum, sums.values())) or 1.0
    order = sorted(sums, key=lambda name: -sum(sums[name]))[:LONGEST]
    return [
        {
            "operation": name,
            "seconds": sum(sums[name]) / 1e9,
            "count": len(sums[name]),
            "share": sum(sums[name]) / whole,
        }
        for name in order
    ]


def lines(found: dict[str, Any]) -> list[str]:
    """A summary for people."""
    told = [f"profile        {one_line(found)}"]
    for row in found["longest"]:
        told.append(
            f"  {100 * row['share']:5.1f} %  {1e3 * row['seconds']:9.3f} ms  {row['count']:6} x  "
            f"{row['operation']}"
        )
    return told


def one_line(found: dict[str, Any]) -> str:
    """Of the parts alone."""
    start, stop = found["rounds"]
    seconds, many = found["seconds"], found["devices"] != 1
    parts = ", ".join(f"{name} {1e3 * seconds[name]:.1f} ms" for name in seconds)
    each = f", means of {found['devices']} devices" if many else ""
    return f"rounds {start + 1} to {stop}: {parts}{each}"


def _shares(ran: list[Operation], pauses: Spans) -> dict[str, float]:
    """Nanoseconds of one device, outside of the pauses."""
    spans = [(one.begin, one.end) for one in ran]
    compute = [(one.begin, one.end) for one in ran if not EXCHANGE.search(one.name)]
    busy, computing = _length(spans), _length(compute)
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    window = last - first - _length([p for p in pauses if first <= p[0] and p[1] <= last])
    return {"compute": computing, "collectives": busy - computing, "idle": window - busy}


def _host(planes: Iterable[Any], pauses: Spans) -> Spans:
    """When the thread that calls JAX is in it and does not wait."""
    found: Spans = []
    for plane in planes:
        for line in plane.lines if plane.name.startswith("/host:") else ():
            events = list(line.events)
            if any(event.name.startswith(CALL) for event in events):
                ran = [
                    Operation(event.name, event.start_ns, event.start_ns + event.duration_ns)
                    for event in events
                    if not WAITING.search(event.name) and event.name != APART
                ]
                found += [one[1:] for one in _outside(ran, pauses)]
    return found


def _pauses(planes: Iterable[Any]) -> Spans:
    """What was done apart, one after the other, each as long as the longest that holds it."""
    found: Spans = []
    for plane in planes:
        for line in plane.lines if plane.name.startswith("/host:") else ():
            found += [
                (event.start_ns, event.start_ns + event.duration_ns)
                for event in line.events
                if event.name == APART
            ]
    return [a for a in found if not any(b != a and b[0] <= a[0] and a[1] <= b[1] for b in found)]


def _outside(ran: list[Operation], pauses: Spans) -> list[Operation]:
    return [one for one in ran if not any(a <= one.begin < b for a, b in pauses)]


def _length(spans: Spans) -> float:
    """Of the union of spans."""
    whole, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        if end > reached:
            whole += end - max(begin, reached)
            reached = end
    return whole
