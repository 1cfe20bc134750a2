"""Samples as a client gets them: PNG, JSON, a ZIP."""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from genlab.config import ConfigError
from genlab.data import provenance
from genlab.data.pictures import write_png
from genlab.feedback.search import LatentSearch
from genlab.web.asked import Ask, Chosen, Edit, Search, Translation
from genlab.web.changing import Changed
from genlab.web.drawing import Drawn


def png(image: np.ndarray, what: dict[str, Any] | None = None) -> bytes:
    """A picture, uint8 [H, W, 1 or 3], as a PNG file that says `what` made it."""
    held = io.BytesIO()
    write_png(held, image, what)
    return held.getvalue()


def said(drawn: Drawn, ask: Ask) -> dict[str, Any]:
    """What a picture says of itself: run, round, settings."""
    run = drawn.run
    return provenance.about(run.folder.path, run.step, "genlab serve", ask.settings())


def sheet(drawn: Drawn, ask: Ask) -> bytes:
    """One PNG of all samples; rows where they were asked for in rows."""
    column = drawn.run.source.columns[drawn.run.method.makes]
    return png(column.draw(drawn.made, drawn.across or None), said(drawn, ask))


def singles(drawn: Drawn, ask: Ask) -> list[bytes]:
    """A PNG of each sample."""
    column, what = drawn.run.source.columns[drawn.run.method.makes], said(drawn, ask)
    pictures = drawn.made.ndim == 4
    return [png(x if pictures else column.draw(x[None], 1), what) for x in drawn.made]


def as_json(drawn: Drawn, ask: Ask, name: str) -> dict[str, Any]:
    """Samples with their conditions: `images` are PNGs in base64, in order."""
    return {
        "run": name,
        "checkpoint": drawn.run.step,
        "ask": ask.model_dump(),
        "across": drawn.across,
        "conditions": drawn.conditions,
        "chosen": drawn.others,
        "beyond": drawn.beyond,
        "images": [base64.b64encode(one).decode() for one in singles(drawn, ask)],
    }


def changed(done: Changed, ask: Edit | Translation, name: str) -> dict[str, Any]:
    """Changed pictures: `images` are PNGs in base64, `heads` what each is."""
    run = done.run
    settings = ask.model_dump(exclude_defaults=True, exclude={"picture", "pictures"})
    what = provenance.about(run.folder.path, run.step, "genlab serve", settings, changed=True)
    kind = run.source.columns[done.column]
    files = [png(x if x.dtype == np.uint8 else kind.draw(x[None], 1), what) for x in done.made]
    return {
        "run": name,
        "checkpoint": run.step,
        "column": done.column,
        "heads": list(done.heads),
        "images": [base64.b64encode(one).decode() for one in files],
    }


def found(search: LatentSearch, made: np.ndarray, ask: Search, name: str) -> dict[str, Any]:
    """A search: `images` are the two of `duel`, and the one liked best so far, whose latent is
    `best`.
    """
    run = search.run
    settings = {"search": ask.model_dump(exclude_defaults=True), "seed": ask.seed}
    what = provenance.about(run.folder.path, run.step, "genlab serve", settings)
    return {
        "run": name,
        "checkpoint": run.step,
        "answers": search.answers,
        "duel": search.duel.tolist(),
        "best": search.best.tolist() if search.answers else None,
        "images": [base64.b64encode(png(one, what)).decode() for one in made],
    }


def packed(parts: Iterable[tuple[Chosen, Drawn]]) -> bytes:
    """A ZIP: a folder for each request with a PNG of each sample, `conditions.csv`, and
    `request.json` from which the same samples can be drawn again.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:  # PNGs are packed already
        for i, (chosen, drawn) in enumerate(parts):
            place = f"{i:02d}_{chosen.run}"
            made = singles(drawn, chosen.ask)
            at = range(len(made)) if chosen.at is None else chosen.at
            if beyond := [j for j in at if j >= len(made)]:
                raise ConfigError(f"at: {beyond[0]} of {len(made)} samples")
            for j in at:
                archive.writestr(f"{place}/{j:04d}.png", made[j])
            archive.writestr(f"{place}/conditions.csv", _table(drawn.conditions, at))
            record = {"run": chosen.run, "checkpoint": drawn.run.step, **chosen.ask.model_dump()}
            archive.writestr(f"{place}/request.json", json.dumps(record, indent=2))
    return held.getvalue()


def _table(conditions: dict[str, list], at: Iterable[int]) -> str:
    held = io.StringIO()
    lines = csv.writer(held)
    lines.writerow(["file", *conditions])
    for i in at:
        lines.writerow([f"{i:04d}.png", *(column[i] for column in conditions.values())])
    return held.getvalue()
