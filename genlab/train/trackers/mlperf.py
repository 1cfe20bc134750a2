"""MLPerf's event lines, for the log parsers of MLCommons."""

import inspect
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from genlab.config import ConfigError, did_you_mean
from genlab.runs.files import writing
from genlab.train.trackers.protocol import About, Setting

TOKEN = ":::MLLOG"
START, END, POINT = "INTERVAL_START", "INTERVAL_END", "POINT_IN_TIME"
SUBMISSION = (
    "benchmark", "division", "entry", "org", "platform", "poc_name", "poc_email", "status",
)  # fmt: skip
KEYS = {  # of arguments of Optax's optimisers, with the optimiser's name
    "learning_rate": "opt_base_learning_rate",
    "b1": "opt_{}_beta_1",
    "b2": "opt_{}_beta_2",
    "eps": "opt_{}_epsilon",
    "weight_decay": "opt_{}_weight_decay",
    "momentum": "opt_{}_momentum",
}
SCHEDULE = "opt_learning_rate_decay_schedule"


@dataclass(frozen=True)
class MLPerf:
    """A file of events for each start of a run, `mlperf/result_N.txt` in its folder: each line is
    `:::MLLOG` and JSON, as `mlperf_logging.mllog` writes it
    (https://github.com/mlcommons/logging).

    score:      the score that is `eval_accuracy`, "evaluator/score"; "" for that of `loop.best`,
                or for every score where there is none
    submission: what MLPerf asks of who submits, {"org": ..., "platform": ...}; nothing of it is
                written unless it is given
    """

    score: str = ""
    submission: Mapping = field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.submission, Mapping | ConfigDict):
            raise ConfigError(f"MLPerf.submission is {self.submission!r}; it maps names to texts")
        for name in self.submission:
            if name not in SUBMISSION:
                hint = did_you_mean(name, SUBMISSION) or f"; they are {', '.join(SUBMISSION)}"
                raise ConfigError(f"MLPerf.submission has no {name!r}{hint}")

    def open(self, about: About) -> "Result":
        """A file of its own for this start, from its first event on."""
        kept = about.run.path / "mlperf"
        with writing(kept):
            kept.mkdir(exist_ok=True)
        number = len(list(kept.glob("result_*.txt")))
        score = self.score or str(about.settings.get("loop.best", "")).lstrip("+")
        result = Result(kept / f"result_{number}.txt", about, score)
        if about.step != about.settings.get("loop.steps"):  # not of a run that is already whole
            result.begin(self.submission)
        return result


class Result:
    """The events of one start of a run."""

    def __init__(self, file: Path, about: About, score: str):
        self.file, self.about, self.score = file, about, score
        self.last, self.at = about.settings.get("loop.steps"), about.step
        self.running = self.training = self.evaluating = False

    def begin(self, submission: Mapping[str, str]) -> None:
        """What is known before the first round."""
        settings, run = self.about.settings, self.about
        self._write("init_start", None, START)
        for name, text in submission.items():
            self._write(f"submission_{name}", text)
        self._write("seed", settings.get("seed"))
        self._write("global_batch_size", settings.get("batch_size"))
        for split, key in (("train", "train_samples"), ("validation", "eval_samples")):
            if split in run.examples:
                self._write(key, run.examples[split])
        for key, value, player in optimisers(settings):
            self._write(key, value, player=player)
        if run.step:
            self._write("init_checkpoint_step", run.step)

    def stage(self, step: int, name: str, begins: bool) -> None:
        """Training begins, or makes way for an evaluation."""
        counted = self._counted(step)
        self.at = step
        if name == "training" and begins:
            self._write("init_stop", None, END)
            self._write("run_start", None, START)
            self._write("block_start", None, START, **counted)
            self.training = self.running = True
        elif name == "evaluation" and begins:
            self._write("block_stop", None, END, **counted)
            self._write("eval_start", None, START, **counted)
            self.training, self.evaluating = False, True
        elif name == "evaluation":
            self._write("eval_stop", None, END, **counted)
            self.evaluating = False
            self.training = step != self.last
            if self.training:
                self._write("block_start", None, START, **counted)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Scores, each in a line of its own; or a row of the log in one line, as statistics."""
        if not self.evaluating:
            self.at = step
            self._write("tracked_stats", dict(values), POINT, **self._counted(step))
            return
        for name, value in values.items():
            found = not self.score or self.score in (name, name.partition("/")[2])
            key = "eval_accuracy" if found else "eval_score"
            self._write(key, value, POINT, **self._counted(step), score=name)

    def picture(self, step: int, name: str, file: Path) -> None:
        """MLPerf has no pictures."""

    def close(self, failed: bool) -> None:
        """The end of this start: the run is whole, or it was stopped."""
        if self.training:
            self._write("block_stop", None, END, **self._counted(self.at))
        if self.running:
            status = "aborted" if failed else "success"
            self._write("run_stop", None, END, **self._counted(self.at), status=status)

    def _counted(self, step: int) -> dict[str, int]:
        return {"samples_count": step * self.about.images, "step_num": step}

    def _write(self, key: str, value: Any, event: str = POINT, **metadata: Any) -> None:
        frame = inspect.currentframe()
        line = frame.f_back.f_lineno if frame and frame.f_back else 0
        place = {"file": "genlab/train/trackers/mlperf.py", "lineno": line}
        row = {
            "namespace": "",
            "time_ms": int(1000 * time.time()),
            "event_type": event,
            "key": key,
            "value": value,
            "metadata": {**place, **metadata},
        }
        with writing(self.file), self.file.open("a") as out:
            out.write(f"{TOKEN} {json.dumps(row)}\n")


def optimisers(settings: Mapping[str, Setting]) -> Iterator[tuple[str, Setting, str]]:
    """(MLPerf's key, value, player) of every player's optimiser and what its config says of it; of
    a learning rate that changes the name of its schedule.
    """
    for path, name in settings.items():
        first, _, player = path.partition(".")
        if first != "optim" or "." in player:
            continue
        yield "opt_name", name, player
        for argument, key in KEYS.items():
            value = settings.get(f"{path}.{argument}")
            if isinstance(value, int | float):
                key = key.format(name).replace("lamb_weight_decay", "lamb_weight_decay_rate")
                yield key, value, player
            elif argument == "learning_rate" and value is not None:
                yield SCHEDULE, value, player
