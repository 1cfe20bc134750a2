"""An ablation: named overrides x seeds -> run folders, each trained, evaluated, and not repeated
once finished.
"""

import contextlib
import functools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, placed, places
from genlab.data.sources import contents_of
from genlab.runs import data_files, ingredients, kept_code
from genlab.runs.environment import command
from genlab.runs.files import sound_object_in, write_json, write_text, writing
from genlab.runs.folder import RunFolder, work_folder
from genlab.runs.goodput import Clock
from genlab.runs.identity import identity
from genlab.runtime.progress import Progress
from genlab.sweep.plan import Job, Result

Runner = Callable[[Sequence[Job], Path, Progress], Iterable[Result]]
Before = Callable[[Sequence[Job], Progress], None]


def run(
    jobs: Sequence[Job], workdir: str | Path, title: str, show: Progress, by: Runner | None = None
) -> list[Result]:
    """Carries out the jobs that are not finished, by default `in_turn`; a failed one is recorded
    and does not stop the rest.
    """
    workdir = work_folder(workdir)
    with writing(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
    names, seeds = list(dict.fromkeys(j.variant for j in jobs)), sorted({j.seed for j in jobs})
    _remember(workdir, title, names, seeds)
    results, waiting = {}, []
    _source.cache_clear()  # files may have changed since the last sweep of this process
    for job in jobs:
        if finished(job) and not outdated(job):
            show.say(f"{job.name}: finished before")
            results[job.workdir] = Result(job, "skipped")
        else:
            waiting.append(job)
    for result in (by or in_turn)(waiting, workdir, show):
        results[result.job.workdir] = result
    return [results[job.workdir] for job in jobs]


def in_turn(
    jobs: Sequence[Job], workdir: Path, show: Progress, ahead: Before = lambda *_: None
) -> Iterator[Result]:
    """One after another, in this process, after `ahead(jobs, show)`; ConfigError where an executor
    has some of them.
    """
    if (workdir / "jobs.json").is_file():
        from genlab.sweep.ledger import Ledger

        for executor in ("local", "slurm"):
            Ledger(workdir).refuse_those_of(executor, jobs)
    with RunFolder(workdir).locked():  # against a second sweep in it
        ahead(jobs, show)
        for number, job in enumerate(jobs, start=1):
            show.say(f"[{number}/{len(jobs)}] {job.name}")
            yield carry_out(job, show)


def vmapped(jobs: Sequence[Job], workdir: Path, show: Progress) -> Iterator[Result]:
    """Trains the runs that one program can train by it (`train.vmapped`), then carries out all
    `in_turn`: what is trained already is only evaluated.
    """
    return in_turn(jobs, workdir, show, _train_vmapped)


def _train_vmapped(jobs: Sequence[Job], show: Progress) -> None:
    from genlab.api import fit_vmapped
    from genlab.train.vmapped import groups, obstacle

    for group in groups([job.config for job in jobs]):
        chosen = [jobs[number] for number in group]
        names = ", ".join(job.name for job in chosen)
        if len(chosen) == 1:
            continue
        try:
            if why := obstacle(chosen[0].config):
                show.say(f"{names}: one by one, for {why}")
                continue
            show.say(f"{names}: in one program")
            fit_vmapped([job.config for job in chosen], [job.workdir for job in chosen], show)
        except Exception as error:  # `in_turn` shows which of them it is
            show.say(f"  one by one from here: {type(error).__name__}: {error}".splitlines()[0])


def finished(job: Job) -> bool:
    """Whether this very run is trained to the last round and evaluated on the test split."""
    run = RunFolder(job.workdir)
    if not run.exists or run.status.get("status") != "finished":
        return False
    try:
        same = _identity(run.config, run.ingredients) == _identity(
            job.config, ingredients.used(job.config)
        )
    except ConfigError:  # what it is made of is missing: playing it says so
        return False
    if not (same and _of_the_same_files(run, job.config)):
        return False
    scored_as = run.status.get("evaluated", run.status.get("judged"))  # so called in older runs
    asked = _evaluation(job.config)
    # those of a run from before a setting had its default are as it is written down there
    return scored_as == asked or (
        scored_as == _evaluation(run.written) and _evaluation(run.config) == asked
    )


def _identity(config: ConfigDict, used: Mapping[str, dict]) -> dict:
    """Of a run, wherever its data's paths are relative to."""
    return identity(places.absolute(config), used)


def _of_the_same_files(run: RunFolder, config: Mapping) -> bool:
    """Whether the files that a run was trained on are still the same; resuming it names them."""
    if not data_files.recorded(run.path):
        return True
    try:
        return data_files.same(
            run.path, contents_of(_source(json.dumps(config_lib.as_dict(config["data"]))))
        )
    except ConfigError:
        return True  # the data are gone: a finished run is usable without them


@functools.lru_cache(maxsize=1)
def _source(data: str) -> Any:
    """The source of a config's data, as JSON: read once for all finished runs of a sweep, which
    forgets it.
    """
    return config_lib.build(config_lib.from_dict(json.loads(data)))


def outdated(job: Job) -> bool:
    """Whether the user's code is not what a finished run was trained or scored with."""
    run = RunFolder(job.workdir)
    scored_by = run.status.get("evaluated_code")  # absent in older runs
    if scored_by is not None and scored_by != kept_code.scoring_digest(job.config):
        return True
    return bool(kept_code.changes_of(run.path, job.config, run.ingredients))


def accept_code_changes(jobs: Iterable[Job]) -> None:
    """Records for each run there is that it may go on with the user's code as it is now; one that
    may not go on for another reason, or is running, says so in its turn.
    """
    from genlab.api import accept_code

    for job in jobs:
        with contextlib.suppress(ConfigError):
            accept_code(job.config, job.workdir)


def _evaluation(config: Mapping) -> str:
    """Fingerprint of what a finished run's test scores depend on apart from the run itself."""
    loop = config.get("loop", {})
    return config_lib.fingerprint([config.get("evaluate"), loop.get("steps"), loop.get("best")])


Act = Callable[[Job, Progress], None]


def train(job: Job, show: Progress) -> None:
    """Trains to the last round, from the newest checkpoint; called in every process of a run."""
    from genlab.api import fit
    from genlab.runtime import processes

    with processes.all_or_none():
        fit(job.config, job.workdir, show)


def evaluate(job: Job, show: Progress) -> None:
    """Scores a trained run on its test split, its best checkpoint and its last, which finishes it;
    called in one process.
    """
    from genlab.evaluation.evaluate import best_and_last, unscored

    run, clock = RunFolder(job.workdir), Clock(scoring=True)
    with clock.counting("evaluation"):
        rows = best_and_last(job.workdir) if job.config.evaluate else []
    for row in rows:
        scores = {name: value for name, value in row["scores"].items() if value is not None}
        told = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        show.say(f"  round {row['step']} ({row['protocol']['checkpoint']}): {told}")
    if lacking := unscored(job.workdir, rows):
        raise ConfigError(f"not scored, for the data are gone: {', '.join(lacking)}")
    code = {"evaluated_code": kept_code.scoring_digest(job.config)}
    clock.keep(run, run.status.get("step", 0))
    run.write("status.json", {**run.status, "evaluated": _evaluation(job.config), **code})


ACTS: tuple[Act, ...] = (train, evaluate)


def carry_out(job: Job, show: Progress, acts: Sequence[Act] = ACTS) -> Result:
    """Trains and evaluates one run; an error is written to its folder and shown."""
    try:
        for act in acts:
            act(job, show)
        return Result(job, "done")
    except Exception as error:
        reason = placed(f"{type(error).__name__}: {error}".splitlines()[0], error)
        job.workdir.mkdir(parents=True, exist_ok=True)
        write_text(job.workdir / "error.txt", traceback.format_exc())
        reason += f" (traceback in {job.workdir / 'error.txt'})"
        run = RunFolder(job.workdir)
        if not (isinstance(error, ConfigError) and run.exists):  # another config's run stays whole
            run.write("status.json", {"status": "failed", "error": reason})
        show.say(f"  failed: {reason}")
        return Result(job, "failed", reason)


def _remember(workdir: Path, title: str, names: list[str], seeds: list[int]) -> None:
    """Adds to what the folder's `sweep.json` lists: a sweep may widen an earlier one."""
    path = workdir / "sweep.json"
    past = sound_object_in(path)
    index = {
        "experiment": workdir.name,
        "title": title,
        "variants": list(dict.fromkeys([*past.get("variants", []), *names])),
        "seeds": sorted({*past.get("seeds", []), *seeds}),
        "commands": list(filter(None, dict.fromkeys([*past.get("commands", []), command()]))),
    }
    write_json(path, index)
