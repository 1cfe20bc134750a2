"""Entry point of a cluster job: trains and evaluates one run folder; saves on SIGTERM, and queues
itself again on SIGUSR2.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from genlab.runs.folder import RunFolder
from genlab.runtime import signals
from genlab.runtime.progress import Plain


class Work:
    """Carries out a run prepared by `RunFolder.start`; nothing but its path is sent to the job.

    SIGTERM: the run is left as training leaves it, and the job ends. SIGUSR2, which Slurm sends
    ahead of a job's time limit: the same, and the job is queued again, to go on where it stopped.
    Several tasks of one job train the run together; the first one evaluates it.
    """

    def __init__(self, folder: str | Path, before: int | None = None):
        self.folder = str(Path(folder).absolute())
        self.before = before  # rounds saved when the job began, in a process that only evaluates
        self.asked = False  # to be queued again

    def __call__(self) -> None:
        """Runs in the job. How the run ends is written in its folder."""
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            os.setpgid(0, 0)  # Ctrl-C is for the launcher, which signals its jobs
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGUSR2, self._leave_for_now)
        from genlab.runtime import processes
        from genlab.runtime.cache import start_jax
        from genlab.sweep import run

        start_jax()
        processes.start()
        several, trained = processes.count() > 1, self.before is not None
        before = self._rounds() if self.before is None else self.before
        acts = [run.evaluate] if trained else [run.train] if several else run.ACTS
        try:
            result = _carried_out(RunFolder.at(self.folder, resuming=True), acts)
        except BaseException:
            if self.asked and os.environ.get("SLURM_PROCID", "0") == "0":
                self._queue_again(before)
            raise
        if result.error:
            sys.exit(1)  # so that Slurm calls the job failed, too
        if several and processes.is_main():
            self._evaluate_in_one_process(before)

    def _evaluate_in_one_process(self, before: int) -> None:
        """Replaces this process, which is connected to the others, by a new one that is not; they
        are left in good order first.
        """
        atexit._run_exitfuncs()
        os.environ["SLURM_STEP_NUM_TASKS"] = "1"
        os.execv(
            sys.executable,
            [sys.executable, "-m", "genlab.sweep.worker", str(before), self.folder],
        )

    def _leave_for_now(self, *_) -> None:
        self.asked = True
        if signal.getsignal(signal.SIGTERM) is _leave:
            _leave()
        signals.request()  # a run in training saves first

    def _queue_again(self, before: int) -> None:
        """Unless this attempt saved nothing: then neither would the next."""
        if self._rounds() > before:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends the job that is queued again
            subprocess.run(["scontrol", "requeue", slurm_id()], check=True)
            return
        reason = "the job's time was over before it saved anything new: give more, --slurm.time"
        run = RunFolder(self.folder)
        run.write("status.json", {**run.status, "status": "failed", "error": reason})

    def _rounds(self) -> int:
        """Rounds of the newest checkpoint; of a run trained to the end one more."""
        run = RunFolder(self.folder)
        saved = [int(p.name) for p in run.checkpoints.glob("*") if p.name.isdecimal()]
        return max(saved, default=0) + (run.status.get("status") == "finished")


def slurm_id() -> str:
    """Of the job this process runs in, as squeue shows it."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]


def _carried_out(run: RunFolder, acts: Sequence):
    from genlab.sweep.plan import Job
    from genlab.sweep.run import carry_out

    job = Job(run.path.parent.name, run.config.seed, run.config, run.path)
    return carry_out(job, Plain(seconds=30), acts)


def _leave(*_) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    Work(sys.argv[2], before=int(sys.argv[1]))()
