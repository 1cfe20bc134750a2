"""A client's pictures, changed by a run: what the device thread does of them."""

import base64
import dataclasses
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from genlab.config import ConfigError
from genlab.data.columns import Column, Image, Mask
from genlab.data.decoding import fitted, opened
from genlab.game.abilities import Encodes, Generates, can
from genlab.sampling.conditions import asked, typed
from genlab.sampling.inverting import usual
from genlab.sampling.load import TrainedRun
from genlab.web.asked import Edit, Translation

STEPS = 200  # of a search, where the client does not say
DECODING = threading.BoundedSemaphore(2)  # a small file may be of many pixels


@dataclass(frozen=True)
class Request:
    """What was asked for, with its pictures as they are stored, [1, ...], by column."""

    ask: Translation | Edit
    pictures: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Changed:
    """Pictures as they are stored, [N, ...], with what each is."""

    run: TrainedRun
    made: np.ndarray
    heads: tuple[str, ...]
    column: str


def decoded(text: str) -> bytes:
    """The bytes of base64, or of a "data:" address; ConfigError for what is none."""
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except ValueError:
        raise ConfigError("a picture is no base64: encode the bytes of the file") from None


def picture(name: str, kind: Column, body: bytes) -> np.ndarray:
    """The picture in a file as the column stores it: cut centrally to its shape and resized; a mask
    is what is lighter than grey. ConfigError for a column of no pictures, and for what is none.
    """
    if not isinstance(kind, Image | Mask):
        raise ConfigError(f"{name!r} is no column of pictures: give it as text")
    try:
        with DECODING:
            found = opened(io.BytesIO(body))
            if isinstance(kind, Mask):
                return fitted(found, kind.shape, "nearest") > 127
            return fitted(found, kind.shape, "bicubic")
    except OSError:
        problem = "is no picture that can be read: PNG, JPEG, WebP, ..."
        raise ConfigError(f"the file for {name} {problem}") from None


def prepared(run: TrainedRun, ask: Translation | Edit) -> Request:
    """What is asked for with its pictures read; ConfigError for what the run does not take."""
    columns = run.source.columns
    files = ask.pictures if isinstance(ask, Translation) else {run.method.makes: ask.picture}
    if unknown := [name for name in files if name not in columns]:
        raise ConfigError(f"the run has no column {unknown[0]!r}; it has {', '.join(columns)}")
    read = {name: picture(name, columns[name], decoded(text)) for name, text in files.items()}
    return Request(ask, {name: x[None] for name, x in read.items()})


def translated(run: TrainedRun, request: Request) -> Changed:
    """What the run makes of the pictures; ConfigError for what it cannot do."""
    ask = request.ask
    assert isinstance(ask, Translation)
    way = run.translator.way(ask.of, ask.to)
    pictures = dict(request.pictures)
    if way.of not in pictures:
        raise ConfigError(f"pictures: give the one that is to be changed, {way.of!r}")
    x, others = pictures.pop(way.of), pictures
    texts = {name: typed(value) for name, value in ask.given.items()}
    if twice := [name for name in texts if name in others or name == way.of]:
        raise ConfigError(f"{twice[0]!r} is given twice: as a picture and as text")
    made = run.translate(x, to=way.to, of=way.of, seed=ask.seed, **others, **texts)
    return Changed(run, np.asarray(made), (f"{way.of} to {way.to}",), way.to)


def edited(run: TrainedRun, request: Request) -> Changed:
    """The picture as the run has it, and its edits; ConfigError for what it cannot do."""
    ask, makes = request.ask, run.method.makes
    assert isinstance(ask, Edit)
    if ask.direction and ask.to:
        raise ConfigError("direction and to are two edits: give one of them")
    if not can_edit(run):
        raise ConfigError("the run cannot find a picture again: it makes none from latents alone")
    steps = ask.optimise
    if steps is None:
        steps = 0 if can(run.method, Encodes) else STEPS
    settings = dataclasses.replace(usual(run.method, ask.space), steps=steps)
    texts = {name: typed(value) for name, value in ask.given.items()}
    found = run.invert(request.pictures[makes], ask.space, settings, seed=ask.seed, **texts)  # pyright: ignore[reportArgumentType]
    made, heads = [np.asarray(found.examples)], ["found again"]
    if ask.direction:
        along = run.edit(found, ask.direction, ask.by)
        made.append(np.asarray(along.examples))
        heads += [f"{ask.direction} {head}" for head in along.heads]
    elif ask.to:
        wanted = {name: typed(value) for name, value in ask.to.items()}
        to = asked(run.source.columns, run.method.given, wanted)
        made.append(np.asarray(run.editor.conditioned(found, [to]).examples))
        heads.append(", ".join(f"{name} {text}" for name, text in wanted.items()))
    return Changed(run, np.concatenate(made), tuple(heads), makes)


def can_edit(run: TrainedRun) -> bool:
    """Whether pictures can be found again in its latents: it generates pictures, of none."""
    kinds = [run.source.columns[name] for name in run.method.given]
    pictures = any(isinstance(kind, Image | Mask) for kind in kinds)
    made = isinstance(run.source.columns[run.method.makes], Image)
    return made and can(run.method, Generates) and not pictures
