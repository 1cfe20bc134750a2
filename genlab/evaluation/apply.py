"""`genlab apply`: a trained run on whole pictures of any size."""

import csv
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.contents import file_sha256
from genlab.data.decoding import Whole
from genlab.data.listing import some
from genlab.data.pictures import write_png
from genlab.evaluation import apply_files, postprocess
from genlab.evaluation.apply_files import SHEET, TABLE, Task
from genlab.evaluation.apply_model import Model
from genlab.evaluation.apply_pixels import channels, eight, with_alpha, without_alpha
from genlab.evaluation.apply_request import ApplyRequest, check
from genlab.evaluation.convention import Convention, means
from genlab.runtime.progress import Progress, Silent
from genlab.runtime.signals import Interrupted
from genlab.sampling.load import load

PIECE = 7  # the least window of SSIM that a picture must hold to be scored


class Written(NamedTuple):
    """The files, last the sheet of pictures before and after and, where answers are known, the
    table of scores; and the names of pictures that could not be read.
    """

    files: list[Path]
    left_out: list[str]


def apply(
    workdir: str | Path,
    request: ApplyRequest,
    step: int | None = None,
    say: Callable[[str], Any] = lambda text: None,
    progress: Progress | None = None,
) -> Written:
    """Applies the State that `load` reads (or that of round `step`) to pictures. A file of a
    folder that cannot be read is left out, and `say` is called with the reason.

    Transparency, EXIF and colour profile are kept, orientation is carried out; grey of 16 bits
    stays so where the model gives grey. `say` is also called with a line of results.

    Pictures in the output that say they are of the same files by the same run and settings are
    finished: they stay, unless `request.overwrite`, so that the same call after an Interrupted goes
    on. ConfigError, before anything is computed, for what the run cannot do and for other files in
    the way; for a picture that the network cannot take, naming it; where no picture can be read.
    """
    check(request)
    steps = postprocess.parsed(request.then)
    found, ignored = apply_files.tasks(request)
    model = Model(load(workdir, step), request)
    model.check()
    one = Applied(model, request, steps, say)
    one.look(found)
    for name in ignored:
        say(f"{name}: left out, for its format is not read")
    if there := one.complete(found):
        return Written(there, [])
    _write(one, found, progress or Silent())
    return one.finish()


def _write(one: "Applied", tasks: Sequence[Task], progress: Progress) -> None:
    """Each picture, and the progress; Interrupted between two, or within one, on request."""
    done = 0
    progress.begin("apply", 0, len(tasks))
    try:
        for done, task in enumerate(tasks):
            one.write(task)
            progress.advance(done + 1, {})
    except KeyboardInterrupt as stop:
        again = "makes all of them again" if one.request.overwrite else "goes on with the others"
        raise Interrupted(
            f"interrupted after {done} of {len(tasks)} pictures; the same command {again}",
            getattr(stop, "number", signal.SIGINT),
        ) from None
    finally:
        progress.end()


@dataclass(eq=False)
class Applied:
    """One call of `apply`: what has been written so far."""

    model: Model
    request: ApplyRequest
    steps: tuple[postprocess.Step, ...]
    say: Callable[[str], Any]
    files: list[Path] = field(default_factory=list)
    rows: list[dict[str, np.ndarray]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    finished: set[Path] = field(default_factory=set)

    def look(self, tasks: Sequence[Task]) -> None:
        """Finds what is finished. ConfigError for other files in the way."""
        if self.request.overwrite:
            return
        places = {task.place: self.said(task) for task in tasks}
        places[self.sheet] = self.what
        self.finished = {place for place, what in places.items() if provenance.says(place, what)}
        table = [] if self.sheet in self.finished else [self.sheet.with_name(TABLE)]
        apply_files.refuse([*places, *table], self.finished)
        if before := len(self.finished - {self.sheet}):
            self.say(
                f"{before} of {len(tasks)} pictures are finished, by the same run and settings: "
                "they stay as they are (--overwrite makes them again)"
            )

    def complete(self, tasks: Sequence[Task]) -> list[Path]:
        """All files, where nothing is left to do; else none."""
        pictures, tables = [task.place for task in tasks], [self.sheet.with_name(TABLE)]
        tables = tables if self.request.target else []
        done = {*pictures, self.sheet} <= self.finished and all(x.is_file() for x in tables)
        return [*pictures, self.sheet, *tables] if done else []

    @property
    def sheet(self) -> Path:
        """Where pictures before and after go."""
        return Path(self.request.output) / SHEET

    def write(self, task: Task) -> None:
        """One picture; of a finished one what the sheet and the table need."""
        there = task.place in self.finished
        if there and not task.target and len(self.rows) == apply_files.ROWS:
            self.files.append(task.place)
            return
        try:
            read = apply_files.read(task.source, "input")
        except ConfigError as error:
            self.left_out.append(task.name)
            self.say(f"{task.name}: left out, for it cannot be read ({error})")
            return
        try:
            stages, alpha = self.stages(read, self.mask(task, read))
        except ConfigError as error:
            raise ConfigError(f"{task.source}: {error}") from None
        image = list(stages.values())[-1]
        if not there:
            self.say_bits(task, read, image)
            apply_files.write(task.place, with_alpha(image, alpha), self.said(task), read)
        self.files.append(task.place)
        answer = apply_files.read(task.target, "target") if task.target else None
        if answer:
            self.score(task, stages, answer)
        if len(self.rows) < apply_files.ROWS:
            self.rows.append(stages | ({"answer": answer.pixels} if answer else {}))

    def say_bits(self, task: Task, read: Whole, image: np.ndarray) -> None:
        """A line where a picture has fewer bits than its file had."""
        if read.cut:
            self.say(f"{task.name}: 16 bits of colour are read as 8")
        if read.pixels.dtype == np.uint16 and image.dtype == np.uint8:
            self.say(f"{task.name}: 16 bits become 8, for the model gives colour")

    def stages(
        self, read: Whole, mask: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """The picture before, after the model and after each step; and its alpha."""
        color, alpha = without_alpha(read.pixels)
        image = channels(color, self.model.channels)
        if image.dtype == np.uint16 and self.model.made.shape[-1] != 1:
            image = eight(image)
        before = image.repeat(self.request.repeat, 0).repeat(self.request.repeat, 1)
        if mask is not None:
            mask = mask.repeat(self.request.repeat, 0).repeat(self.request.repeat, 1)
        found = {"before": color, "after": self.model(before, mask)}
        for step in self.steps:
            last = list(found.values())[-1]
            found[str(step)] = postprocess.chained((step,), last, image)
        return found, alpha

    def mask(self, task: Task, read: Whole) -> np.ndarray | None:
        """bool [H, W, 1]."""
        if task.mask is None:
            return None
        found = channels(without_alpha(apply_files.read(task.mask, "mask").pixels)[0], 1)
        if found.shape[:2] != read.pixels.shape[:2]:
            raise ConfigError(
                f"{task.mask}: the mask is {found.shape[0]}x{found.shape[1]}, the picture "
                f"{read.pixels.shape[0]}x{read.pixels.shape[1]}; bring both to one size"
            )
        return found > np.iinfo(found.dtype).max // 2

    def score(self, task: Task, stages: Mapping[str, np.ndarray], answer: Whole) -> None:
        """Each stage of the answer's size, in 8 bits."""
        right = eight(without_alpha(answer.pixels)[0])
        for stage, image in stages.items():
            image = channels(eight(image), right.shape[-1])
            if image.shape != right.shape or min(right.shape[:2]) < PIECE:
                continue
            side = min(right.shape[:2])
            window = min(11, side - 1 + side % 2)
            found = means(Convention(window=window).whole(image[None], right[None]))
            self.scores.append({"picture": task.name, "stage": stage, **found})

    def said(self, task: Task) -> dict[str, Any]:
        """What a picture says of itself: the run, the settings, the files it was made of."""
        files = {"input": task.source} | ({"mask": task.mask} if task.mask else {})
        files |= {n: Path(x) for n, x in self.request.given.items() if n in self.model.pictures}
        return {**self.what, "of": {name: file_sha256(path)[:16] for name, path in files.items()}}

    @cached_property
    def what(self) -> dict[str, Any]:
        """What all files say of themselves."""
        run, settings = self.model.run, self.request._asdict()
        kept = {
            name: x for name, x in settings.items() if x and name not in ("output", "overwrite")
        }
        return provenance.about(run.folder.path, run.step, "genlab apply", kept, changed=True)

    def finish(self) -> Written:
        """The sheet and the table, last. ConfigError where there is no picture."""
        out = Path(self.request.output)
        if not self.files:
            raise ConfigError(
                f"--input={self.request.input}: none of its pictures can be read, "
                f"{some(self.left_out)}"
            )
        write_png(out / SHEET, apply_files.sheet(self.rows), self.what)
        self.files.append(out / SHEET)
        if self.scores:
            with (out / TABLE).open("w", newline="", encoding="utf-8") as file:
                lines = csv.DictWriter(file, list(self.scores[0]), lineterminator="\n")
                lines.writeheader()
                lines.writerows(self.scores)
            self.files.append(out / TABLE)
            for stage in dict.fromkeys(row["stage"] for row in self.scores):
                rows = [row for row in self.scores if row["stage"] == stage]
                names = [name for name in rows[0] if name not in ("picture", "stage")]
                told = (f"{name} {np.mean([row[name] for row in rows]):.4g}" for name in names)
                self.say(f"{stage}: {', '.join(told)} ({len(rows)} pictures)")
        return Written(self.files, self.left_out)
