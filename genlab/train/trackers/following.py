"""A run's folder, followed by its trackers while it trains."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from genlab.config import ConfigError, as_dict, one_line
from genlab.data.sources import Source
from genlab.game import State
from genlab.runs.folder import RunFolder
from genlab.runs.saved import SELECTION
from genlab.train import hooks
from genlab.train.program import Training
from genlab.train.trackers.protocol import About, Sink, Tracker, settings
from genlab.train.trackers.tensorboard import TensorBoard


class Followers:
    """The open trackers of a run. One that fails is left out with a warning: a run is worth more
    than its copy elsewhere.
    """

    def __init__(self, run: RunFolder, step: int):
        self.run, self.sinks = run, dict[str, Sink]()
        self._seen = {path.name for path in self._pictures()}
        self._scores = len(run.rows("evals.jsonl")) if step else 0

    def begin(self, name: str, tracker: Tracker, about: About) -> None:
        """Opens a tracker."""
        self._each({name: tracker}, lambda one: self.sinks.__setitem__(name, one.open(about)))

    def row(self, step: int, row: Mapping[str, float]) -> None:
        """A row of the log."""
        values = {name: value for name, value in row.items() if name != "step"}
        self._each(self.sinks, lambda sink: sink.numbers(step, values))

    def look(self, step: int) -> None:
        """Pictures and scores that are new in the folder since the last look."""
        for path in self._pictures():
            if path.name not in self._seen:
                self._seen.add(path.name)
                kind = path.stem.rpartition("_")[0] or "samples"
                self._each(self.sinks, lambda sink, k=kind, p=path: sink.picture(step, k, p))
        rows = self.run.rows("evals.jsonl")
        for row in rows[self._scores :]:
            part = row.get("protocol", {}).get("split", "scores")
            values = {f"{part}/{row['name']}/{n}": x for n, x in row["scores"].items()}
            sound = {n: x for n, x in values.items() if isinstance(x, int | float)}
            finite = {n: x for n, x in sound.items() if math.isfinite(x)}
            self._each(self.sinks, lambda sink, r=row, v=finite: sink.numbers(r["step"], v))
        self._scores = len(rows)

    def stage(self, step: int, name: str, begins: bool) -> None:
        """What the run is at, for those that follow it."""
        those = {key: one for key, one in self.sinks.items() if hasattr(one, "stage")}
        self._each(those, lambda sink: sink.stage(step, name, begins))

    def close(self, failed: bool) -> None:
        """Closes all of them."""
        self._each(self.sinks, lambda sink: sink.close(failed))

    def _pictures(self) -> list[Path]:
        return sorted((self.run.path / "samples").glob("*.png"))

    def _each(self, those: Mapping, act: Callable) -> None:
        for name, one in list(those.items()):
            try:
                act(one)
            except Exception as error:
                self.sinks.pop(name, None)
                told = f"tracker {name}: {type(error).__name__}: {one_line(error, 300)}"
                warnings.warn(f"{told}; the run goes on without it", stacklevel=2)


@contextlib.contextmanager
def followed(training: Training, run: RunFolder, step: int) -> Iterator[Followers]:
    """The trackers of a run's config, open inside the block; in the main process alone."""
    loop = training.experiment.loop
    found: dict[str, Tracker] = dict(loop.trackers) if run.writes else {}
    if run.writes and loop.tensorboard:
        found["tensorboard"] = TensorBoard()
    followers = Followers(run, step)
    path = run.path.resolve()
    values = settings(as_dict(training.config)) if found else {}
    images = training.moves * training.experiment.batch_size
    sizes = examples(training.experiment.data) if found else {}
    about = About(run, f"{path.parent.name}/{path.name}", values, step, images, sizes)
    for name, tracker in found.items():
        followers.begin(name, tracker, about)
    try:
        yield followers
    except BaseException:
        followers.close(True)
        raise
    followers.close(False)


def looking(given: hooks.Maker, followers: Followers) -> hooks.Maker:
    """`given`, whose hooks are followed by a look at what they left in the folder."""

    def made(training: Training, run: RunFolder) -> list[hooks.Hook]:
        return [hook._replace(fn=_then(hook, followers)) for hook in given(training, run)]

    return made


def examples(source: Source) -> dict[str, int]:
    """How many there are in the splits that a run is trained and chosen by."""
    found = {}
    for split in ("train", SELECTION):
        with contextlib.suppress(ConfigError):
            found[split] = source.count(split)
    return found


def _then(hook: hooks.Hook, followers: Followers) -> Callable:
    def both(step: int, state: State) -> float | None:
        followers.stage(step, hook.name, True)
        score = hook.fn(step, state)
        followers.look(step)
        followers.stage(step, hook.name, False)
        return score

    return both
