"""The samples of a sweep, chosen and embedded."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genlab.report.reading import Run, Sweep

STAGES = 4  # grids of the same latents shown of the first seed
FEWER_STAGES = 2  # and of each other seed
LARGE = 400_000  # bytes; a larger file is embedded as WebP
WIDEST = 1200  # pixels
PIXEL_ART = 400  # images narrower than this are enlarged without smoothing


class Picture(NamedTuple):
    """An image inside the page; `pixels` says that its pixels are to be seen as such."""

    caption: str
    alt: str
    uri: str
    width: int
    height: int

    @property
    def pixels(self) -> bool:
        """Whether the image is so small that it will be enlarged."""
        return self.width < PIXEL_ART


class Stages(NamedTuple):
    """One seed's grids, early to late."""

    seed: int
    pictures: list[Picture]


class Gallery(NamedTuple):
    """All the pictures of a variant; `others` are further seeds, to be folded away."""

    variant: str
    first: Stages | None
    others: list[Stages]
    reconstructions: Picture | None
    nearest: Picture | None


def galleries(sweep: Sweep) -> list[Gallery]:
    """A gallery for each variant that left any picture."""
    made = [_gallery(variant, sweep.of(variant)) for variant in sweep.variants]
    return [g for g in made if g.first or g.reconstructions or g.nearest]


def spread(items: Sequence, count: int) -> list:
    """At most `count` items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def picture(path: Path, caption: str, alt: str) -> Picture | None:
    """A file as a data URI; None where it is no whole image."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            data, kind = path.read_bytes(), "png"
            if len(data) > LARGE:
                data, kind = _webp(image), "webp"
            width, height = image.size
    except (OSError, SyntaxError, ValueError):  # Pillow reports a damaged PNG in all three ways
        return None
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(caption, alt, uri, width, height)


def _gallery(variant: str, runs: Sequence[Run]) -> Gallery:
    stages = [_stages(run, FEWER_STAGES if i else STAGES) for i, run in enumerate(runs)]
    stages = [s for s in stages if s.pictures]
    return Gallery(
        variant,
        stages[0] if stages else None,
        stages[1:],
        _last(runs, "reconstructions", "Originals with their reconstructions"),
        _last(runs, "nearest", "Samples with their nearest training examples"),
    )


def _stages(run: Run, count: int) -> Stages:
    paths = sorted(run.folder.glob("samples/[0-9]*.png"), key=_round)
    whole = []
    for path in spread(paths, count):
        alt = f"Samples of {run.variant}, seed {run.seed}, after {_round(path)} rounds"
        whole.append(picture(path, f"round {_round(path)}", alt))
    return Stages(run.seed, [p for p in whole if p])


def _last(runs: Sequence[Run], kind: str, title: str) -> Picture | None:
    """The latest picture of a kind, of the first seed that has one."""
    for run in runs:
        for path in sorted(run.folder.glob(f"samples/{kind}_[0-9]*.png"), key=_round, reverse=True):
            told = f"seed {run.seed}, round {_round(path)}"
            if found := picture(path, told, f"{title}: {run.variant}, {told}"):
                return found
    return None


def _round(path: Path) -> int:
    digits = path.stem.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _webp(image) -> bytes:
    out = io.BytesIO()
    image.thumbnail((WIDEST, WIDEST))
    image.save(out, "webp", quality=90)
    return out.getvalue()
