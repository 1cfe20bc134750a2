"""A sweep's runs in the hands of an executor: handed over, watched, come back to.

Run folders are shared files and all that passes between launcher and job: a job is given the path
of a run folder, and how it ended is read from there. `jobs.json` in the sweep's folder says whose
hands a run is in, for a launcher that is started again.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from genlab import config as config_lib
from genlab.config import ConfigError
from genlab.runs import ingredients
from genlab.runs.folder import RunFolder
from genlab.runtime.progress import Progress
from genlab.sweep.executors import ENDED, Executor
from genlab.sweep.ledger import Ledger, Submitted
from genlab.sweep.plan import Job, Result
from genlab.sweep.run import finished
from genlab.sweep.worker import Work


def submit(
    executor: Executor, jobs: Sequence[Job], workdir: Path, show: Progress
) -> Iterator[Result]:
    """Has `jobs` played by the executor, or comes back to those it has; a Result as each ends.

    A `sweep.Runner`. Ctrl-C leaves a cluster what it has.
    """
    book, held = Ledger(workdir), {}
    with book.folder.locked():
        for other in {"local", "slurm"} - {executor.name}:
            book.refuse_those_of(other, jobs)
        alive = book.alive(jobs, executor.name)
        for job in [job for job in jobs if job.workdir in alive]:
            held[job.workdir] = Submitted(job, alive[job.workdir])
            if told := _other_settings(held[job.workdir]):
                del held[job.workdir]
                yield _told(show, Result(job, "failed", told))
        waiting = [job for job in jobs if job.workdir not in alive]
        try:
            yield from _until_all_ended(executor, waiting, held, book, show)
        except KeyboardInterrupt:
            if held:
                show.say(executor.interrupted([one.id for one in held.values()]))
            raise


def _until_all_ended(
    executor: Executor,
    waiting: list[Job],
    held: dict[Path, Submitted],
    book: Ledger,
    show: Progress,
) -> Iterator[Result]:
    while waiting or held:
        room = executor.room(len(held))
        batch, waiting = waiting[:room], [] if room is None else waiting[room:]
        if batch:
            yield from _submit(executor, batch, held, book, show)
        elif held:
            time.sleep(executor.poll)
        states = executor.states([one.id for one in held.values()])
        if states is None:
            continue
        for one in list(held.values()):
            one = held[one.job.workdir] = _heard(one, states.get(one.id, "COMPLETED"), show)
            if one.over is not None and (result := _outcome(one, executor, book)):
                del held[one.job.workdir]
                yield _told(show, result)


def _submit(
    executor: Executor, jobs: list[Job], held: dict[Path, Submitted], book: Ledger, show: Progress
) -> Iterator[Result]:
    """Prepares the run folders and hands them over; a Result for each that cannot be."""
    ready = []
    for job in jobs:
        run = RunFolder(job.workdir)
        try:
            with run.locked():
                RunFolder.start(job.workdir, job.config, ingredients.used(job.config))
                run.write("status.json", {"status": "queued"})
            ready.append(job)
        except ConfigError as error:  # another config's run, or a running one, stays whole
            yield _told(show, Result(job, "failed", str(error)))
    if not ready:
        return
    ids = executor.submit([Work(job.workdir) for job in ready], book.logs)
    submitted = [Submitted(job, number) for job, number in zip(ready, ids, strict=True)]
    book.enter(executor.name, submitted)
    held.update({one.job.workdir: one for one in submitted})


def _heard(one: Submitted, state: str, show: Progress) -> Submitted:
    """With the state its job is found in; what changed is told."""
    if state in ENDED:
        return one._replace(state=state, over=time.monotonic() if one.over is None else one.over)
    if state != one.state and state in ("PENDING", "RUNNING"):
        again = " again" if one.state not in ("", "PENDING") else ""
        word = {"PENDING": f"queued{again}", "RUNNING": "running"}[state]
        show.say(f"{one.job.name}: {word}, job {one.id}")
    return one._replace(state=state, over=None)


def _outcome(one: Submitted, executor: Executor, book: Ledger) -> Result | None:
    """How a run ended whose job is over, from its folder; None while files may still arrive."""
    run = RunFolder(one.job.workdir)
    done = finished(one.job)
    if not done and run.status.get("status") != "failed":
        if one.over is not None and time.monotonic() - one.over < executor.grace:
            return None
        told = f"its job ended and had not finished it ({executor.name} {one.id} {one.state})"
        run.write("status.json", {"status": "failed", "error": told})
    book.strike(one.job)
    for pickled in book.logs.glob(f"{one.id}_*.pkl"):
        pickled.unlink()  # submitit's; nothing reads them again
    if done:
        return Result(one.job, "done")
    log = book.logs / f"{one.id}_0_log.out"
    return Result(one.job, "failed", f"{run.status['error']} (log: {log})")


def _other_settings(one: Submitted) -> str:
    """What differs between the run as it was handed over and as it is wanted now, if anything."""
    found = config_lib.differences(RunFolder(one.job.workdir).config, one.job.config)
    changed = ", ".join(f"{name} {old!r}, not {new!r}" for name, (old, new) in found.items())
    return changed and f"it goes on as job {one.id} with {changed}: wait for it, or end it"


def _told(show: Progress, result: Result) -> Result:
    show.say(f"{result.job.name}: {f'failed: {result.error}' if result.error else 'done'}")
    return result
