"""The one thread that uses the device: what waits for it is played together, where it can be."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


class Full(RuntimeError):
    """More waits than is let in; `seconds` is when to ask again."""

    def __init__(self, seconds: int):
        super().__init__(f"the server is busy; ask again in {seconds} s")
        self.seconds = seconds


@dataclass(eq=False)
class Job:
    """What is to be done.

    kind:   jobs of one kind are done in one call
    weight: how much it is, in samples
    work:   all jobs of a kind to their results, in order; an exception among these fails one job
    """

    kind: Hashable
    weight: int
    work: Callable[[Sequence[Any]], Sequence[Any]]
    asked: Any
    done: Future = field(default_factory=Future)


class Worker:
    """Does jobs in one thread, those of one kind together, up to `together` samples; lets in
    `waiting` samples at most, so that memory is bounded whatever is asked.
    """

    def __init__(self, together: int = 256, waiting: int = 4_096):
        self.together, self.waiting = together, waiting
        self.held, self.finished, self.refused, self.calls, self.busy = 0, 0, 0, 0, 0.0
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, name="genlab-device", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Future:
        """Its result, later; Full where too much waits."""
        with self._changed:
            if self._stopped or (self._jobs and self.held + job.weight > self.waiting):
                self.refused += 1
                raise Full(self._seconds())
            self._jobs.append(job)
            self.held += job.weight
            self._changed.notify()
        return job.done

    def stop(self) -> None:
        """Ends the thread; what waits is cancelled."""
        with self._changed:
            self._stopped = True
            for job in self._jobs:
                job.done.cancel()
            self._jobs.clear()
            self._changed.notify()
        self._thread.join(timeout=5)

    def _seconds(self) -> int:
        rate = self.finished / self.busy if self.busy else 0
        return max(1, min(60, round(self.held / rate))) if rate else 1

    def _serve(self) -> None:
        while (jobs := self._next()) is not None:
            began = time.monotonic()
            live = [job for job in jobs if job.done.set_running_or_notify_cancel()]
            if live:
                self._do(live)
            with self._changed:
                self.busy += time.monotonic() - began
                self.calls += 1
                self.held -= sum(job.weight for job in jobs)
                self.finished += sum(job.weight for job in jobs)

    def _next(self) -> list[Job] | None:
        """The job that waits longest, and others of its kind; None to end."""
        with self._changed:
            while not self._jobs and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return None
            first = self._jobs.popleft()
            taken, rest, room = [first], deque(), self.together - first.weight
            for job in self._jobs:
                fits = job.kind == first.kind and job.weight <= room
                (taken if fits else rest).append(job)
                room -= job.weight * fits
            self._jobs = rest
            return taken

    def _do(self, jobs: list[Job]) -> None:
        try:
            results = jobs[0].work([job.asked for job in jobs])
        except BaseException as error:
            results = [error] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, BaseException):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)
