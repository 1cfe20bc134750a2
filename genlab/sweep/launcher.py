"""Submits a sweep's runs to an executor, monitors them, reattaches after a restart.

Launcher and jobs share nothing but run folders: a job is given the path of one, and its result is
read from there. `jobs.json` in the sweep's folder records which executor has which run, for a
launcher that is started again.
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
    """Submits `jobs` to the executor, or reattaches to those it has; a Result as each ends.

    A `run.Runner`. Jobs of a cluster go on after Ctrl-C.
    """
    ledger, held = Ledger(workdir), {}
    with ledger.folder.locked():
        for other in {"local", "slurm"} - {executor.name}:
            ledger.refuse_those_of(other, jobs)
        alive = ledger.alive(jobs, executor.name)
        for job in [job for job in jobs if job.workdir in alive]:
            held[job.workdir] = Submitted(job, alive[job.workdir])
            if changed := _other_settings(held[job.workdir]):
                del held[job.workdir]
                yield _shown(show, Result(job, "failed", changed))
        waiting = [job for job in jobs if job.workdir not in alive]
        try:
            yield from _until_all_ended(executor, waiting, held, ledger, show)
        except KeyboardInterrupt:
            if held:
                show.say(executor.interrupted([one.id for one in held.values()]))
            raise


def _until_all_ended(
    executor: Executor,
    waiting: list[Job],
    held: dict[Path, Submitted],
    ledger: Ledger,
    show: Progress,
) -> Iterator[Result]:
    while waiting or held:
        room = executor.room(len(held))
        batch, waiting = waiting[:room], [] if room is None else waiting[room:]
        if batch:
            yield from _submit(executor, batch, held, ledger, show)
        elif held:
            time.sleep(executor.poll)
        states = executor.states([one.id for one in held.values()])
        if states is None:
            continue
        for one in list(held.values()):
            one = held[one.job.workdir] = _updated(one, states.get(one.id, "COMPLETED"), show)
            if one.over is not None and (result := _result(one, executor, ledger)):
                del held[one.job.workdir]
                yield _shown(show, result)


def _submit(
    executor: Executor, jobs: list[Job], held: dict[Path, Submitted], ledger: Ledger, show: Progress
) -> Iterator[Result]:
    """Prepares the run folders and submits them; a Result for each that cannot be."""
    ready = []
    for job in jobs:
        if listed := config_lib.live.listed(job.config):
            told = f"--executor={executor.name} runs it in another process, which lacks {listed}"
            advice = "leave --executor out, or define them in a module and load data from files"
            yield _shown(show, Result(job, "failed", f"{told}: {advice}"))
            continue
        run = RunFolder(job.workdir)
        try:
            with run.locked():
                RunFolder.start(job.workdir, job.config, ingredients.used(job.config))
                run.write("status.json", {"status": "queued"})
            ready.append(job)
        except ConfigError as error:  # another config's run, or a running one, stays whole
            yield _shown(show, Result(job, "failed", str(error)))
    if not ready:
        return
    ids = executor.submit([Work(job.workdir) for job in ready], ledger.logs)
    submitted = [Submitted(job, number) for job, number in zip(ready, ids, strict=True)]
    ledger.enter(executor.name, submitted)
    held.update({one.job.workdir: one for one in submitted})


def _updated(one: Submitted, state: str, show: Progress) -> Submitted:
    """With the present state of its job; a change is shown."""
    if state in ENDED:
        return one._replace(state=state, over=time.monotonic() if one.over is None else one.over)
    if state != one.state and state in ("PENDING", "RUNNING"):
        again = " again" if one.state not in ("", "PENDING") else ""
        word = {"PENDING": f"queued{again}", "RUNNING": "running"}[state]
        show.say(f"{one.job.name}: {word}, job {one.id}")
    return one._replace(state=state, over=None)


def _result(one: Submitted, executor: Executor, ledger: Ledger) -> Result | None:
    """The result, read from its folder, of a run whose job is over; None while files may still
    arrive.
    """
    run = RunFolder(one.job.workdir)
    done = finished(one.job)
    if not done and run.status.get("status") != "failed":
        if one.over is not None and time.monotonic() - one.over < executor.grace:
            return None
        reason = f"its job ended and had not finished it ({executor.name} {one.id} {one.state})"
        run.write("status.json", {"status": "failed", "error": reason})
    ledger.strike(one.job)
    for pickled in ledger.logs.glob(f"{one.id}_*.pkl"):
        pickled.unlink()  # submitit's; nothing reads them again
    if done:
        return Result(one.job, "done")
    log = ledger.logs / f"{one.id}_0_log.out"
    return Result(one.job, "failed", f"{run.status['error']} (log: {log})")


def _other_settings(one: Submitted) -> str:
    """What differs between the run as submitted and as asked for now; "" if nothing."""
    found = config_lib.differences(RunFolder(one.job.workdir).config, one.job.config)
    changed = ", ".join(f"{name} {old!r}, not {new!r}" for name, (old, new) in found.items())
    return changed and f"it goes on as job {one.id} with {changed}: wait for it, or end it"


def _shown(show: Progress, result: Result) -> Result:
    show.say(f"{result.job.name}: {f'failed: {result.error}' if result.error else 'done'}")
    return result
