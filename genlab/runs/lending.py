"""The objects that a run was made with in another process, from its experiment, given again."""

import warnings

from ml_collections import ConfigDict

from genlab.config import ConfigError, live
from genlab.config.experiment import Experiment, written
from genlab.runs import kept_code, user_code
from genlab.runs.folder import RunFolder


def lend(folder: RunFolder, experiment: ConfigDict | Experiment) -> None:
    """Lets what a run's config describes be built, with the objects of an experiment that are those
    it was made with; a warning names those that can be compared with none.

    Raises ConfigError for an experiment that lacks them or has others.
    """
    given = written(experiment)
    pairs = live.matched(folder.config, given)
    skipped = live.unlike(given)
    changed = kept_code.changes_of(folder.path, given, folder.ingredients)
    changed = [c for c in changed if user_code.is_live(c.file) and c.file not in skipped]
    if changed:
        told = f"{folder.path} was made with other objects than this experiment has"
        raise ConfigError(f"{told}: {kept_code.listed(changed)}")
    for one in live.lend(pairs):
        told = f"{folder.path}: {one} cannot be compared with what the run was made with, and is"
        warnings.warn(f"{told} taken as it is given", stacklevel=3)
