"""Where runs are carried out: terminals, pipes and signals, homes and caches."""

import io
import os
import pwd
import signal
import subprocess
import sys

import pytest

from genlab.runtime import cache, signals
from genlab.runtime.progress import Live, Plain, for_terminal
from genlab.runtime.terminal import Outlet, steady


def test_a_reader_that_leaves_ends_nothing():
    """`genlab train | head -1`: what follows goes nowhere, at the end of the process too."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        show = Plain(seconds=0.0, out=out)
        os.close(reader)
        show.begin("a run", 0, 10)
        show.advance(5, {"disc/loss": 1.0})
        show.say("still here")


def test_a_stream_that_is_closed_or_none_ends_nothing(monkeypatch):
    """`genlab train >&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    with steady():
        print("to nobody")
        assert isinstance(for_terminal(), Plain)
    closed = io.StringIO()
    closed.close()
    Plain(out=closed).say("to nobody")
    assert not Outlet(closed).isatty()


def test_a_character_that_a_terminal_lacks_is_shown_by_its_escape():
    held = io.BytesIO()
    with io.TextIOWrapper(held, encoding="ascii", write_through=True) as out:
        Plain(out=out).say("a → b")
        assert held.getvalue() == b"a \\u2192 b\n"


def test_brackets_are_printed_as_they_are():
    out = io.StringIO()
    show = Live(out=out)
    show.begin("runs/[exp1] [/b] [red]", 0, 2)
    show.say("[2/4] [bold]a[/x] :smile: seed 0")
    show.advance(2, {"[gen]/loss": 1.0})
    show.end()
    assert "[2/4] [bold]a[/x] :smile: seed 0" in out.getvalue()
    assert "runs/[exp1] [/b] [red]" in out.getvalue()


def test_the_program_works_with_its_output_closed():
    command = f"{sys.executable} -m genlab --help >&-"
    told = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def test_a_terminal_that_closes_is_a_request_to_stop_said_once_or_twice():
    with signals.watched():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.requested() == signal.SIGHUP
    with pytest.raises(signals.Interrupted) as stop, signals.interruptible():
        os.kill(os.getpid(), signal.SIGHUP)
    assert stop.value.number == signal.SIGHUP


def test_under_nohup_a_terminal_may_close():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.interruptible(), signals.watched():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.requested() is None
    finally:
        signal.signal(signal.SIGHUP, before)


def nobody(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def test_without_a_home_or_with_one_that_cannot_be_written_nothing_is_kept(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"file/cache cannot be written .*GENLAB_CACHE="):
        place = cache.cache()
    (place / "scores").mkdir(parents=True, exist_ok=True)
    assert cache.cache() == place and tmp_path not in place.parents
    monkeypatch.delenv("GENLAB_CACHE")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.warns(UserWarning, match="there is no home folder"):
        assert cache.cache() == place
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path / "made"))
    assert cache.cache() == tmp_path / "made"
