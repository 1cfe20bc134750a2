"""`jobs.json`: which of a sweep's runs an executor has."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genlab.config import ConfigError
from genlab.runs.files import sound_object_in
from genlab.runs.folder import RunFolder
from genlab.sweep.executors import ENDED, Local, queue
from genlab.sweep.plan import Job


class Submitted(NamedTuple):
    """A run submitted to an executor: the id of its job, the state last seen, and when the job was
    first found to be over (`time.monotonic`).
    """

    job: Job
    id: str
    state: str = ""
    over: float | None = None


class Ledger:
    """`jobs.json` of a sweep's folder: {run: [executor, job id]} for the runs submitted.

    A run leaves it once its result has been read.
    """

    def __init__(self, workdir: Path):
        self.folder, self.logs = RunFolder(workdir), workdir / "cluster"

    def read(self) -> dict[str, list[str]]:
        """The entries; ConfigError where the file is damaged."""
        return sound_object_in(self.folder.path / "jobs.json")

    def enter(self, executor: str, submitted: Sequence[Submitted]) -> None:
        """Adds runs."""
        added = {self._run(one.job): [executor, one.id] for one in submitted}
        self.folder.write("jobs.json", {**self.read(), **added})

    def strike(self, job: Job) -> None:
        """Takes out a run."""
        kept = {run: entry for run, entry in self.read().items() if run != self._run(job)}
        self.folder.write("jobs.json", kept)

    def alive(self, jobs: Sequence[Job], executor: str) -> dict[Path, str]:
        """Ids of this executor's queued or running jobs, by the folders of their runs."""
        book = self.read()
        entries = {job.workdir: book.get(self._run(job), ["", ""]) for job in jobs}
        ids = {folder: number for folder, (name, number) in entries.items() if name == executor}
        look = {"local": Local(1).states, "slurm": queue}[executor]
        states = look(list(ids.values())) if ids else {}
        if states is None:
            raise ConfigError(
                f"{self.folder.path} has runs that are Slurm jobs, and squeue does not answer: "
                "run this where it does"
            )
        return {f: i for f, i in ids.items() if states.get(i, "COMPLETED") not in ENDED}

    def refuse_those_of(self, executor: str, jobs: Sequence[Job]) -> None:
        """ConfigError where this executor has some of the runs."""
        if alive := self.alive(jobs, executor):
            end = {"local": "kill", "slurm": "scancel"}[executor]
            raise ConfigError(
                f"{len(alive)} of these runs are {executor} jobs: reattach to them with "
                f"--executor={executor}, or end them: {end} {' '.join(alive.values())}"
            )

    def _run(self, job: Job) -> str:
        return str(job.workdir.relative_to(self.folder.path))
