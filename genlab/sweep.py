"""An ablation: named overrides x seeds -> run folders, each trained, evaluated, and not repeated
once finished.
"""

import json
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ml_collections import ConfigDict

from genlab import config as config_lib
from genlab.config import ConfigError, did_you_mean, override
from genlab.data.named import named
from genlab.experiment import fingerprint
from genlab.files import described, told_with_its_place
from genlab.progress import Progress
from genlab.runs import RunFolder


class Job(NamedTuple):
    """One run of a sweep."""

    variant: str
    seed: int
    config: ConfigDict
    workdir: Path


class Result(NamedTuple):
    """How a job ended: "done", "skipped" (finished before) or "failed", and why."""

    job: Job
    status: str
    error: str = ""


def variants(experiment: ModuleType) -> dict[str, Mapping]:
    """The overrides of each variant: the file's `sweep()`, or the config as it is."""
    if not hasattr(experiment, "sweep"):
        return {"base": {}}
    with told_with_its_place(experiment.__file__):
        found = experiment.sweep()
    if not (isinstance(found, Mapping) and all(isinstance(v, Mapping) for v in found.values())):
        raise ConfigError(f"{experiment.__file__}: sweep() must return {{name: {{field: value}}}}")
    for name, fields in found.items():
        if not (isinstance(name, str) and name.isprintable() and Path(name).name == name):
            raise ConfigError(f"{experiment.__file__}: variant {name!r} is no name of a folder")
        if odd := [field for field in fields if not isinstance(field, str)]:
            raise ConfigError(f"{experiment.__file__}: variant {name!r} sets {odd[0]!r}, no field")
    if not found:
        raise ConfigError(f"{experiment.__file__}: sweep() names no variant")
    return found


def configure(experiment: ModuleType, variant: str | None, overrides: Mapping) -> ConfigDict:
    """`config()` with a variant's overrides, then with those of the command line.

    Raises ConfigError for a variant or field that is not there.
    """
    config = described(experiment)
    known = variants(experiment)
    if variant is not None and variant not in known:
        raise ConfigError(
            "no variant "
            f"{variant!r}{did_you_mean(variant, known) or '; there is ' + ', '.join(known)}"
        )
    for path, value in {**(known[variant] if variant else {}), **overrides}.items():
        override(config, path, named(value) if path == "data" and isinstance(value, str) else value)
    return config


def plan(
    experiment: ModuleType,
    workdir: str | Path,
    overrides: Mapping,
    seeds: Sequence[int],
    only: Sequence[str] = (),
) -> list[Job]:
    """Every variant with every seed, seed by seed, so that a sweep cut short still compares all
    variants.
    """
    names = list(only) or list(variants(experiment))
    jobs = []
    for seed in seeds:
        for name in names:
            config = configure(experiment, name, {**overrides, "seed": seed})
            jobs.append(Job(name, seed, config, Path(workdir) / name / f"seed{seed}"))
    return jobs


def run(jobs: Sequence[Job], workdir: str | Path, title: str, show: Progress) -> list[Result]:
    """Plays the jobs one after another; what fails is recorded and does not stop the rest."""
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    names, seeds = list(dict.fromkeys(j.variant for j in jobs)), sorted({j.seed for j in jobs})
    _remember(workdir, title, names, seeds)
    results = []
    for number, job in enumerate(jobs, start=1):
        head = f"[{number}/{len(jobs)}] {job.variant} seed {job.seed}"
        if finished(job):
            show.say(f"{head}: finished before")
            results.append(Result(job, "skipped"))
            continue
        show.say(head)
        results.append(_play(job, show))
    return results


def finished(job: Job) -> bool:
    """Whether this very run is trained to the end and evaluated on test."""
    run = RunFolder(job.workdir)
    if (
        not run.exists
        or run.status.get("status") != "finished"
        or fingerprint(run.config) != fingerprint(job.config)
    ):
        return False
    return run.status.get("judged") == _judgement(job.config)


def _judgement(config: ConfigDict) -> str:
    """What a finished run's test scores depend on, beside the run itself."""
    return config_lib.fingerprint([config.evaluate, config.loop.steps, config.loop.best])


def _play(job: Job, show: Progress) -> Result:
    from genlab.evaluation import evaluate
    from genlab.loop import fit

    try:
        fit(job.config, job.workdir, show)
        run = RunFolder(job.workdir)
        if job.config.evaluate:
            for row in evaluate(job.workdir):
                show.say(
                    "  "
                    + "  ".join(
                        f"{name} {value:.4g}"
                        for name, value in row["scores"].items()
                        if value is not None
                    )
                )
        run.write("status.json", {**run.status, "judged": _judgement(job.config)})
        return Result(job, "done")
    except Exception as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        job.workdir.mkdir(parents=True, exist_ok=True)
        (job.workdir / "error.txt").write_text(traceback.format_exc())
        run = RunFolder(job.workdir)
        if not (isinstance(error, ConfigError) and run.exists):  # another config's run stays whole
            run.write("status.json", {"status": "failed", "error": told})
        show.say(f"  failed: {told}")
        return Result(job, "failed", told)


def _remember(workdir: Path, title: str, names: list[str], seeds: list[int]) -> None:
    """Adds to what the folder's `sweep.json` lists: a sweep may widen an earlier one."""
    path = workdir / "sweep.json"
    past = json.loads(path.read_text()) if path.is_file() else {"variants": [], "seeds": []}
    index = {
        "experiment": workdir.name,
        "title": title,
        "variants": list(dict.fromkeys([*past["variants"], *names])),
        "seeds": sorted({*past["seeds"], *seeds}),
    }
    RunFolder(workdir).write(path.name, index)
