"""Progress of a run: a live bar on a terminal, plain lines elsewhere, or nothing."""

import sys
import time
from typing import IO, Any, Protocol, cast

from genlab.runtime.terminal import Outlet


class Progress(Protocol):
    """Shows a run: `Silent` in notebooks and tests, `Plain` in logs, `Live` on a terminal."""

    def begin(self, name: str, step: int, steps: int) -> None:
        """A run starts, or resumes at `step`."""
        ...

    def advance(self, step: int, row: dict | None = None) -> None:
        """Rounds are done; `row` is a fresh log row."""
        ...

    def say(self, text: str) -> None:
        """Shows a line of text."""
        ...

    def end(self) -> None:
        """The run is over."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, name, step, steps):
        """Does nothing."""

    def advance(self, step, row=None):
        """Does nothing."""

    def say(self, text):
        """Does nothing."""

    def end(self):
        """Does nothing."""


class Plain:
    """Lines for logs and pipes: one at most every `seconds`; steps are of some `unit`."""

    def __init__(self, seconds: float = 5.0, out=None, unit: str = "round"):
        self.seconds, self.out, self.unit = seconds, Outlet(out or sys.stdout), unit

    def begin(self, name, step, steps):
        """The first line."""
        self.steps, self.first, self.started, self.shown = steps, step, time.monotonic(), 0.0
        self.say(f"{name}: {'resuming from ' if step else ''}{self.unit} {step} of {steps}")

    def advance(self, step, row=None):
        """A line when one is due."""
        now = time.monotonic()
        if row is None or (now - self.shown < self.seconds and step < self.steps):
            return
        self.shown = now
        rate = (step - self.first) / max(now - self.started, 1e-9)
        self.say(
            f"  {self.unit} {step}/{self.steps}  {_short(rate)} {self.unit}s/s  "
            f"{(self.steps - step) / rate:.0f} s left  {terms(row)}".rstrip()
        )

    def say(self, text):
        """A line."""
        print(text, file=self.out, flush=True)

    def end(self):
        """The last line has been printed."""


class Live:
    """A bar with losses, rounds/s (or what the `unit` is) and the time left."""

    def __init__(self, out=None, unit: str = "round"):
        self.out, self.unit = Outlet(out or sys.stdout), unit

    def begin(self, name, step, steps):
        """Opens the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[terms]}", style="dim", markup=False),
            console=Console(file=cast(IO[str], self.out)),
        )
        self.bar.start()
        self.first, self.started = step, time.monotonic()
        self.task = self.bar.add_task(name, total=steps, completed=step, terms="compiling", rate="")

    def advance(self, step, row=None):
        """Moves the bar."""
        rate = (step - self.first) / max(time.monotonic() - self.started, 1e-9)
        shown: dict[str, Any] = {} if row is None else {"terms": terms(row)}
        self.bar.update(self.task, completed=step, rate=f"{_short(rate)} {self.unit}s/s", **shown)

    def say(self, text):
        """A line above the bar."""
        if bar := getattr(self, "bar", None):
            bar.console.print(text, highlight=False, markup=False, emoji=False)
        else:
            print(text, file=self.out, flush=True)

    def end(self):
        """Closes the bar."""
        self.bar.stop()


def for_terminal(out=None, unit: str = "round") -> Progress:
    """`Live` on a terminal, else `Plain`; on stdout by default."""
    out = Outlet(out or sys.stdout)
    return Live(out, unit) if out.isatty() else Plain(out=out, unit=unit)


def _short(rate: float) -> str:
    """Whole above ten; below, two digits."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def terms(row: dict) -> str:
    """The losses of a log row, in short."""
    return "  ".join(
        f"{name.removesuffix('/loss')} {value:.3g}"
        for name, value in row.items()
        if name.endswith("/loss")
    )
