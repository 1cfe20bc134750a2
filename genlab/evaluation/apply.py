"""`genlab apply`: a trained run on whole pictures of any size."""

import signal
from collections.abc import Callable, Sequence
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
from genlab.evaluation import apply_files, apply_scores, postprocess
from genlab.evaluation.apply_files import SHEET, TABLE, Task
from genlab.evaluation.apply_model import Model
from genlab.evaluation.apply_pixels import channels, eight, with_alpha, without_alpha
from genlab.evaluation.apply_request import ApplyRequest, check
from genlab.runtime.progress import Progress, Silent
from genlab.runtime.signals import Interrupted
from genlab.sampling.load import Step, load


class Written(NamedTuple):
    """The files, last the sheet of pictures before and after and, where there are steps or answers,
    the table of scores; and the names of pictures that could not be read.
    """

    files: list[Path]
    left_out: list[str]


def apply(
    workdir: str | Path,
    request: ApplyRequest,
    step: Step = None,
    say: Callable[[str], Any] = lambda text: None,
    progress: Progress | None = None,
) -> Written:
    """Applies the State that `load` reads (or that of round `step`, "last" for the newest) to
    pictures. A file of a folder that cannot be read is left out, and `say` is called with the
    reason.

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
    left_out: list[str] = field(default_factory=list)
    finished: set[Path] = field(default_factory=set)

    def look(self, tasks: Sequence[Task]) -> None:
        """Finds what is finished. ConfigError for other files in the way."""
        if self.request.overwrite:
            return
        there = {task.place: self.said(task) for task in tasks if task.place.exists()}
        there[self.sheet] = self.what
        self.finished = {place for place, what in there.items() if provenance.says(place, what)}
        table = [] if self.finished else [self.sheet.with_name(TABLE)]
        apply_files.refuse([*there, *table], self.finished)
        if before := len(self.finished - {self.sheet}):
            self.say(
                f"{before} of {len(tasks)} pictures are finished, by the same run and settings: "
                "they stay as they are (--overwrite makes them again)"
            )

    def complete(self, tasks: Sequence[Task]) -> list[Path]:
        """All files, where nothing is left to do; else none."""
        pictures = [task.place for task in tasks]
        done = {*pictures, self.sheet} <= self.finished
        if self.table:
            names = [task.name for task in tasks if task.place in self.finished]
            self.table.keep(names, self.names)
            done = done and len(self.table.rows) == len(tasks)
        tables = [self.table.path] if self.table else []
        return [*pictures, self.sheet, *tables] if done else []

    @property
    def sheet(self) -> Path:
        """Where pictures before and after go."""
        return Path(self.request.output) / SHEET

    @cached_property
    def table(self) -> apply_scores.Table | None:
        """Of scores, where there are steps or answers."""
        if not (self.steps or self.request.target):
            return None
        return apply_scores.Table(self.sheet.with_name(TABLE), bool(self.request.target))

    @property
    def names(self) -> list[str]:
        """Of the stages of a picture; what follows a step of the same name counts them."""
        names = ["before", "after"]
        for step in map(str, self.steps):
            times = sum(name.partition(" ")[0] == step for name in names)
            names.append(f"{step} ({times + 1})" if times else step)
        return names

    def write(self, task: Task) -> None:
        """One picture; of a finished one what the sheet and the table need."""
        there = task.place in self.finished
        scored = self.table is None or task.name in self.table.rows
        if there and scored and len(self.rows) == apply_files.ROWS:
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
            self.say_losses(task, read, image)
            apply_files.write(task.place, with_alpha(image, alpha), self.said(task), read)
        self.files.append(task.place)
        answer = apply_files.read(task.target, "target") if task.target else None
        if self.table and not scored:
            right = answer.pixels if answer else None
            scores = {
                name: apply_scores.scores(x, read.pixels, right) for name, x in stages.items()
            }
            self.table.add(task.name, scores)
        if len(self.rows) < apply_files.ROWS:
            shown = {name: with_alpha(x, alpha) for name, x in stages.items()}
            self.rows.append(shown | ({"answer": answer.pixels} if answer else {}))

    def say_losses(self, task: Task, read: Whole, image: np.ndarray) -> None:
        """A line where a picture has fewer bits or frames than its file had."""
        if read.frames > 1:
            self.say(f"{task.name}: has {read.frames} frames or pages, of which this is the first")
        if image.dtype == np.uint16 and not apply_files.takes_16_bits(task.place):
            self.say(f"{task.name}: 16 bits become 8 in this format; --format=png keeps them")
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
        found = [color, self.model(before, mask)]
        for step in self.steps:
            found.append(postprocess.chained((step,), found[-1], image))
        return dict(zip(self.names, found, strict=True)), alpha

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

    def said(self, task: Task) -> dict[str, Any]:
        """What a picture says of itself: the run, the settings, the files it was made of."""
        files = {"input": task.source, "mask": task.mask, "target": task.target}
        files = {name: path for name, path in files.items() if path}
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
        if self.table:
            self.table.finish()
            self.files.append(self.table.path)
            for line in self.table.summary():
                self.say(line)
        return Written(self.files, self.left_out)
