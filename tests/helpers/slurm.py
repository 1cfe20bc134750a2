"""A real Slurm of one node for tests: munge, controller and node daemon in a folder, on free ports,
as the user who runs the tests; nothing of the machine's own Slurm is touched.

Debian: apt-get install slurm-wlm munge
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue")
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
MailProg=/bin/true
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Commands that are not on the PATH (daemons may lie in /usr/sbin)."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [name for name in COMMANDS if shutil.which(name, path=path) is None]


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Slurm runs inside the block, and SLURM_CONF names it; what was started is stopped by pid."""
    host = socket.gethostname().partition(".")[0]
    (folder / "state").mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    conf = CONF.format(host=host, ports=[_port(), _port()], user=getpass.getuser(), folder=folder)
    (folder / "slurm.conf").write_text(conf)
    before = {name: os.environ.get(name) for name in ("SLURM_CONF", "PATH")}
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    files = {"key": "munge.key", "socket": "munge.sock", "pid": "munge.pid", "log": "munge.log"}
    files = [f"--{k}-file={folder / v}".replace("socket-file", "socket") for k, v in files.items()]
    munge = ["munged", "--foreground", "--force", f"--seed-file={folder}/munge.seed", *files]
    daemons = []
    try:
        with (folder / "daemons.log").open("w") as log:
            for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
                daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
                if command is munge:
                    until((folder / "munge.sock").exists, 10)
        until(lambda: "idle" in told("sinfo", "--noheader", "--format=%T"), 30)
        yield
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], check=False)
        until(lambda: not told("squeue", "--noheader"), 40)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def told(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def until(true: Callable[[], object], seconds: float):
    """Waits for `true()` and returns it; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)
    return found


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
