"""What a trace says, of events as JAX's profiler gives them."""

from types import SimpleNamespace

import pytest

from genlab.config import ConfigError
from genlab.runtime import profiling
from genlab.runtime.profiling import Rounds, Trace, longest, operations, rounds


def event(name, begin, end, **stats):
    return SimpleNamespace(
        name=name, start_ns=begin, duration_ns=end - begin, stats=list(stats.items())
    )


def plane(name, **lines):
    made = [SimpleNamespace(name=n.replace("_", " "), events=e) for n, e in lines.items()]
    return SimpleNamespace(name=name, lines=made)


TPU = plane(
    "/device:TPU:0",
    XLA_Modules=[event("jit_run", 0, 100)],
    XLA_Ops=[
        event("while.3", 0, 100),
        event("fusion.1", 0, 30),
        event("all-reduce.2", 20, 50),
        event("fusion.1", 60, 90),
    ],
)
CPU = plane(
    "/host:CPU",
    python=[
        event("PjitFunction(run)", 0, 10),
        event("ParseArguments", 2, 4),
        event("Wait for LaunchOnDevice completion", 4, 90),
        event("PjitFunction(run)", 95, 100),
    ],
    tf_XLAEigen=[
        event("dot.1", 0, 40, hlo_op="dot.1", device_ordinal=0),
        event("dot.1", 10, 40, hlo_op="dot.1", device_ordinal=1),
        event("ThreadpoolListener::Record", 0, 99),
    ],
)


def test_a_device_computes_exchanges_or_is_idle():
    """An exchange counts as far as nothing is computed meanwhile; a loop is not its own body."""
    (ran,) = operations([TPU]).values()
    assert profiling._shares(ran, []) == {"compute": 60, "collectives": 20, "idle": 10}
    first, second = longest(ran)
    assert first["operation"] == "fusion.1" and first["count"] == 2
    assert (first["share"], second["share"]) == (pytest.approx(60 / 90), pytest.approx(30 / 90))


def test_virtual_devices_of_a_cpu_are_told_apart_and_the_host_is_busy_where_it_does_not_wait():
    found = operations([CPU])
    assert {device: len(ran) for device, ran in found.items()} == {"0": 1, "1": 1}
    assert profiling._length(profiling._host([CPU], [])) == 15


def test_what_is_done_apart_counts_in_no_part(tmp_path, monkeypatch):
    """An evaluation of 20 to 70 with a program of its own, and a pause in the pause."""
    between = [event(profiling.APART, 20, 70), event(profiling.APART, 30, 40)]
    ran = [event("fusion.1", 0, 10), event("fusion.9", 25, 60), event("fusion.1", 75, 90)]
    calls = [event("PjitFunction(run)", 0, 5), event("PjitFunction(score)", 20, 50)]
    planes = [plane("/host:CPU", python=[*between, *calls]), plane("/device:GPU:0", XLA_Ops=ran)]
    (tmp_path / "one.xplane.pb").touch()
    read = SimpleNamespace(from_file=lambda path: SimpleNamespace(planes=planes))
    monkeypatch.setattr("jax.profiler.ProfileData", read)
    found = profiling.summary(tmp_path, Rounds(0, 4))
    wanted = {"compute": 25e-9, "collectives": 0, "idle": 15e-9, "host": 5e-9}
    assert found["seconds"] == pytest.approx(wanted)
    assert [row["operation"] for row in found["longest"]] == ["fusion.1"]


def test_dispatches_end_where_a_trace_begins_and_ends():
    asked = rounds("100:120")
    assert asked == Rounds(100, 120)
    assert [asked.next_stop(step) for step in (0, 100, 110, 120)] == [100, 120, 120, None]


@pytest.mark.parametrize("text", ["", "5", "7:7", "9:2", "a:b", "-1:3"])
def test_other_rounds_are_refused(text):
    with pytest.raises(ConfigError, match="give START:STOP, as 100:120"):
        rounds(text)


def test_a_trace_is_of_rounds_that_are_played(tmp_path, monkeypatch):
    """A run that goes on within them is traced from there, one past them never; what was dispatched
    before is played to its end first, lest its operations count.
    """
    done = []
    monkeypatch.setattr(profiling, "_refuse_a_tracer_without_its_device", lambda: None)
    monkeypatch.setattr("jax.profiler.start_trace", lambda *a, **k: done.append("began"))
    monkeypatch.setattr("jax.block_until_ready", done.append)
    trace = Trace(Rounds(4, 8), tmp_path)
    trace.before(2, "state of 2")
    assert not trace.running and not trace.ends(8)
    trace.before(6, "state of 6")
    assert trace.running and trace.ends(8) and not trace.ends(7)
    trace.before(7, "state of 7")
    assert done == ["state of 6", "began"]
    late = Trace(Rounds(4, 8), tmp_path)
    late.before(8, "state of 8")
    assert not late.running and len(done) == 2
