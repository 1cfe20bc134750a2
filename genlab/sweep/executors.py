"""Executors: run a sweep's jobs in subprocesses of this machine, or on Slurm; both by submitit.

An executor takes work and returns job ids. The state of a job follows from its id alone, so that
another process can reattach to it.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from genlab.config import ConfigError, choices

OPTIONS = {  # of a Slurm job, by the names of sbatch's own; time in minutes
    "partition": str, "account": str, "qos": str, "constraint": str, "gres": str,
    "nodelist": str, "exclude": str, "mem": str, "time": int, "nodes": int,
    "ntasks_per_node": int, "cpus_per_task": int, "gpus_per_node": int,
    "signal_delay_s": int, "setup": str,
}  # fmt: skip
DEFAULTS = {"time": 60, "signal_delay_s": 90}
ENDED = {  # Slurm's final states
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip
FOREVER = 10 * 365 * 24 * 60  # minutes: submitit would end a local job after two


class Executor(Protocol):
    """name: "local" or "slurm"; poll: seconds between looks; grace: seconds in which the files of a
    job that has ended may still arrive.
    """

    name: str
    poll: float
    grace: float

    def room(self, active: int) -> int | None:
        """How many more jobs it takes while `active` ones run; None for any number."""
        ...

    def submit(self, work: Sequence[Callable], folder: Path) -> list[str]:
        """Starts jobs whose logs go to `folder`, and returns their ids."""
        ...

    def states(self, ids: Sequence[str]) -> dict[str, str] | None:
        """The states of jobs, in Slurm's words: one in ENDED, or no entry, for a job that is over.
        None where they cannot be known now.
        """
        ...

    def interrupted(self, ids: Sequence[str]) -> str:
        """Ctrl-C in the launcher: what happens to the jobs, in a line."""
        ...


def executor(name: str, jobs: int | None, options: Mapping[str, object]) -> "Local | Slurm":
    """The executor called `name`; ConfigError where it cannot work here."""
    known = ("local", "slurm")
    if name not in known:
        raise ConfigError(f"no executor {name!r}{choices(name, known)}")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; at least one run must go at a time")
    if importlib.util.find_spec("submitit") is None:
        raise ConfigError(f"--executor={name} needs submitit: pip install 'genlab[cluster]'")
    if name == "local":
        if options:
            raise ConfigError(f"--slurm.{next(iter(options))} needs --executor=slurm")
        return Local(jobs or max(1, len(_gpus())))
    return Slurm(jobs, slurm_options(options))


def slurm_options(given: Mapping[str, object]) -> dict[str, Any]:
    """Resources of a Slurm job, converted to their types; ConfigError for what is none."""
    found = dict(DEFAULTS)
    for name, value in given.items():
        if name not in OPTIONS:
            hint = choices(name, OPTIONS)
            raise ConfigError(f"no option --slurm.{name}{hint}")
        try:
            found[name] = OPTIONS[name](value)
        except (TypeError, ValueError):
            raise ConfigError(
                f"--slurm.{name}={value}: give a whole number{' of minutes' * (name == 'time')}"
            ) from None
        if OPTIONS[name] is int and found[name] < (0 if name == "gpus_per_node" else 1):
            raise ConfigError(f"--slurm.{name}={value}: it must be positive")
    if found["time"] * 60 <= found["signal_delay_s"]:
        raise ConfigError(
            f"--slurm.time={found['time']} minutes leave nothing before the signal to save, "
            f"--slurm.signal_delay_s={found['signal_delay_s']} seconds ahead of the end"
        )
    return found


class Local:
    """Subprocesses of this machine, `jobs` at a time. They outlive a killed launcher.

    GPUs are divided among the jobs. More jobs than GPUs share them, and then allocate memory as
    they need it. Without GPUs the processor's cores are divided, so that the threads of one run do
    not wait for those of another.
    """

    name, poll, grace = "local", 0.2, 0.0

    def __init__(self, jobs: int):
        self.jobs, self._started = jobs, {}

    def room(self, active):
        """One by one, so that each is recorded before the next starts."""
        return int(active < self.jobs)

    def submit(self, work, folder):
        """One controller process each, whose id is the job's."""
        from submitit import LocalExecutor

        local = LocalExecutor(folder)
        local.update_parameters(timeout_min=FOREVER, stderr_to_stdout=True)
        ids = []
        with _terminal_signals_ignored():
            for one in work:
                place = min(set(range(self.jobs)) - set(self._places().values()), default=0)
                job = local.submit(_Placed(one, self._devices(place), self._cores(place)))
                self._started[job.job_id] = job, place
                ids.append(job.job_id)
        return ids

    def states(self, ids):
        """RUNNING where the controller lives."""
        return {i: "RUNNING" for i in ids if self._alive(i)}

    def interrupted(self, ids):
        """Subprocesses end with the launcher, once they have saved."""
        for pid in map(int, ids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)  # the controller forwards it
        until = time.monotonic() + 60
        while any(map(self._alive, ids)) and time.monotonic() < until:
            time.sleep(0.1)
        left = [i for i in ids if self._alive(i)]
        return f"still ending: kill {' '.join(left)}" if left else f"{len(ids)} runs stopped"

    def _alive(self, pid: str) -> bool:
        if pid in self._started:
            return not self._started[pid][0].done()  # reaps it, too
        return "submitit" in _command(pid)  # and not another process that has its number now

    def _places(self) -> dict[str, int]:
        return {pid: place for pid, (job, place) in self._started.items() if not job.done()}

    def _devices(self, place: int) -> dict[str, str | None]:
        gpus = _gpus()
        if not gpus:
            return {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES")}
        share = gpus[place :: self.jobs] or [gpus[place % len(gpus)]]
        shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if self.jobs > len(gpus) else {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(share), **shared}

    def _cores(self, place: int) -> list[int] | None:
        """Of the processor; None for all that a process may use."""
        if self.jobs == 1 or _gpus() or not hasattr(os, "sched_getaffinity"):  # Linux has it
            return None
        cores = sorted(os.sched_getaffinity(0))
        return cores[place :: self.jobs] or [cores[place % len(cores)]]


class Slurm:
    """One array of jobs, `jobs` at a time (None: as many as the cluster runs)."""

    name, poll, grace = "slurm", 2.0, 15.0

    def __init__(self, jobs: int | None, options: Mapping[str, object]):
        for command in ("sbatch", "squeue"):
            if shutil.which(command) is None:
                raise ConfigError(
                    f"--executor=slurm needs {command} on the PATH: run it where jobs are "
                    "submitted, or use --executor=local"
                )
        self.jobs, self.options = jobs, options

    def room(self, active):
        """Any number: Slurm queues them."""
        return None

    def submit(self, work, folder):
        """One sbatch; ConfigError with Slurm's message where it refuses."""
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError

        slurm = SlurmExecutor(folder)
        options = dict(self.options)
        setup = options.pop("setup", None)
        slurm.update_parameters(
            job_name="genlab",
            setup=[setup] if setup else None,
            stderr_to_stdout=True,
            additional_parameters={"requeue": True},
            array_parallelism=self.jobs or len(work),
            **options,
        )
        try:
            with slurm.batch():
                jobs = [slurm.submit(one) for one in work]
        except FailedJobError as error:
            raise ConfigError(f"sbatch refused the jobs: {' '.join(str(error).split())}") from error
        return [job.job_id for job in jobs]

    def states(self, ids):
        """Those that squeue lists: it needs no accounting, and drops jobs some minutes after their
        end.
        """
        return queue(ids)

    def interrupted(self, ids):
        """Jobs of the cluster go on."""
        return (
            f"{len(ids)} runs go on in the cluster: the same command reattaches to them, "
            f"`scancel {' '.join(ids)}` ends them"
        )


def queue(ids: Sequence[str]) -> dict[str, str] | None:
    """The states of these jobs in Slurm; None where squeue does not answer."""
    command = ["squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i %T"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    states = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
    return {i: states[i].strip() for i in ids if i in states}


class _Placed:
    """Work with some environment variables set, or unset (None; submitit hides the GPUs), on some
    cores of the processor, or all (None).
    """

    def __init__(
        self, work: Callable, environment: Mapping[str, str | None], cores: Sequence[int] | None
    ):
        self.work, self.environment, self.cores = work, dict(environment), cores

    def __call__(self):
        if self.cores is not None:
            os.sched_setaffinity(0, self.cores)  # before JAX counts its threads
        for name, value in self.environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        return self.work()


def _command(pid: str) -> str:
    """The command line of a process; "" where there is none."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text()
        return ""
    return subprocess.run(["ps", "-p", pid, "-o", "args="], capture_output=True, text=True).stdout


def _gpus() -> list[str]:
    """The NVIDIA GPUs that this process may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu for gpu in visible.split(",") if gpu]
    return [str(n) for n in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]


@contextlib.contextmanager
def _terminal_signals_ignored() -> Iterator[None]:
    """What starts here ignores the terminal's Ctrl-C and hang-up: the launcher signals it."""
    signals = (signal.SIGINT, signal.SIGHUP)
    before = [signal.signal(s, signal.SIG_IGN) for s in signals]
    try:
        yield
    finally:
        for s, handler in zip(signals, before, strict=True):
            signal.signal(s, handler)
