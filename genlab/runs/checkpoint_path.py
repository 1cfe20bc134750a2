"""The folder of a run's checkpoints in the kind of path that Orbax uses."""

import pathlib
import shutil
import warnings
from collections.abc import Iterator

from etils.epath.gpath import PosixGPath


class CheckpointPath(PosixGPath):
    """A local folder, whatever its name.

    Orbax finds the files of a checkpoint by patterns that begin with the folder's own name: in
    `runs/[exp1]` it finds none, and writes the checkpoint without its arrays. It also takes
    `/s3/runs` for a bucket. Here nothing but the pattern is one, and every path is local.
    """

    @property
    def _uri_scheme(self) -> None:
        return None

    def glob(self, pattern: str) -> Iterator["CheckpointPath"]:
        """The files that match, in this very folder."""
        return map(self._new, pathlib.Path(self).glob(pattern))

    def rmtree(self, missing_ok: bool = False) -> None:
        """Deletes the folder. What cannot be deleted stays, with a warning: network file systems
        refuse while a file in it is open anywhere, and a run does not end for that.
        """
        try:
            shutil.rmtree(self)
        except FileNotFoundError:
            if not missing_ok:
                raise
        except OSError as error:
            warnings.warn(
                f"{self} could not be deleted ({error.strerror or error}), and the run goes on: "
                "delete it when nothing has its files open",
                stacklevel=2,
            )
