"""Runs pytest in copies of the repository, each in a fork of one process that has imported what all
of them import from elsewhere: to import JAX and its kin takes longer than most tests.

Reads lines of JSON, [folder, argument, ...], and answers each with one, [exit status, output].
"""

import importlib
import json
import os
import signal
import sys
import tempfile
import traceback
from typing import BinaryIO

SHARED = ("flax.linen", "flax.nnx", "jax.experimental.mesh_utils", "ml_collections", "optax",
          "orbax.checkpoint", "PIL.Image", "pytest", "scipy.stats", "sklearn.linear_model",
          "skimage.metrics")  # fmt: skip
LIMIT = 600  # seconds of one run


def main() -> None:
    """Until standard input ends."""
    for name in SHARED:
        importlib.import_module(name)
    if "genlab" in sys.modules:
        sys.exit("one of SHARED imports genlab, which each copy has to import anew")
    for line in sys.stdin:
        folder, *arguments = json.loads(line)
        print(json.dumps(ran(folder, arguments)), flush=True)


def ran(folder: str, arguments: list[str]) -> tuple[int, str]:
    """(pytest's exit status, or minus the signal that ended it; what it printed)."""
    with tempfile.TemporaryFile() as output:
        if not (child := os.fork()):
            play(folder, arguments, output)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode(errors="replace")


def play(folder: str, arguments: list[str], output: BinaryIO) -> None:
    """In the fork, which ends here."""
    import pytest

    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    status = -1
    try:
        signal.alarm(LIMIT)
        os.chdir(folder)
        os.environ["PYTHONPATH"] = "."  # of the processes that tests start
        sys.path[0] = folder  # for the folder of this script, whose metrics.py is not that of tests
        status = pytest.main(["-n", "0", "-q", "-rf", "--tb=no", *arguments])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
