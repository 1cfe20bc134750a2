"""The samples of a sweep, chosen and embedded: those of the scored checkpoints among them."""

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from genlab.report.protocol import measured, scored
from genlab.report.reading import Run, Sweep

STAGES = 4  # grids of the same latents shown of the first seed
FEWER_STAGES = 2  # and of each other seed
LARGE = 400_000  # bytes; a larger file is embedded as WebP
ALL = 3_000_000  # bytes of all pictures, as the page holds them
SMALLEST = 8_000  # bytes, to which a picture may be made smaller so that all have room
SCORED = {  # how a checkpoint was chosen, in a caption
    "best": "scored: best by validation", "last": "scored: last", "round": "scored", "": "scored",
}  # fmt: skip
LATENTS = {  # of `evaluation.LatentSpace`
    "traversals": "one unit of the latent after the other, the most used first",
    "interpolations": "between the codes of examples",
    "aggregate": "codes of the data (left) and draws of the prior, the two most used units",
}
SINGLE = {  # by kind of file
    "reconstructions": "Originals with their reconstructions",
    "nearest": "Samples with their nearest training examples",
    "codes": "Originals with their codes, a colour for each code",
    "restored": "Pictures given, what is made of them, the best classic method's and the answers",
}
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
    codes: Picture | None
    restored: Picture | None
    latents: list[Picture]

    @property
    def pictures(self) -> list[Picture]:
        """All of them."""
        stages = [*([self.first] if self.first else []), *self.others]
        single = (self.reconstructions, self.nearest, self.codes, self.restored)
        grids = (p for s in stages for p in s.pictures)
        return [*grids, *(p for p in single if p), *self.latents]


def galleries(sweep: Sweep, room: int = ALL) -> list[Gallery]:
    """A gallery for each variant that left any picture. Where all would take more than `room`
    bytes of the page, large ones are made smaller.
    """
    made = _galleries(sweep, LARGE)
    sizes = [len(p.uri) for gallery in made for p in gallery.pictures]
    if sum(sizes) <= room:
        return made
    return _galleries(sweep, max(int(level(sizes, room) * 3 / 4), SMALLEST))  # 4 letters: 3 bytes


def level(sizes: Iterable[int], room: int) -> float:
    """The size to which all that are larger must be brought for all to have room."""
    left, ordered = float(room), sorted(sizes)
    for i, size in enumerate(ordered):
        if size > left / (len(ordered) - i):
            return left / (len(ordered) - i)
        left -= size
    return math.inf


def _galleries(sweep: Sweep, most: int) -> list[Gallery]:
    found = scored(measured(sweep, "test"))
    made = (_gallery(variant, sweep.of(variant), found, most) for variant in sweep.variants)
    return [gallery for gallery in made if gallery.pictures]


def unpictured(sweep: Sweep) -> Iterable[str]:
    """A line for every run that has pictures, and none of the round it is scored by."""
    found = scored(measured(sweep, "test"))
    for run in sweep.runs:
        drawn = {_round(path) for path in run.folder.glob("samples/[0-9]*.png")}
        rounds = list(found.get((run.variant, run.seed), {}))
        if drawn and (missing := [r for r in rounds if r not in drawn]):
            yield (
                f"{run.name}: no picture of the scored round {missing[0]}: "
                f"`genlab evaluate --workdir={run.folder}` draws it"
            )


def spread(items: Sequence, count: int) -> list:
    """At most `count` items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    if count < 2:
        return list(items[:count])
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def picture(path: Path, caption: str, alt: str, most: int = LARGE) -> Picture | None:
    """A file as a data URI, as WebP where it has more than `most` bytes; None where it is no whole
    image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.load()
            data, kind = path.read_bytes(), "png"
            if len(data) > most:
                data, kind = _webp(image, most), "webp"
            width, height = image.size
    except (OSError, SyntaxError, ValueError):  # Pillow reports a damaged PNG in all three ways
        return None
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(caption, alt, uri, width, height)


Rounds = Mapping[tuple[str, int], Mapping[int, str]]  # see `protocol.scored`


def _gallery(variant: str, runs: Sequence[Run], rounds: Rounds, most: int) -> Gallery:
    counts = [FEWER_STAGES if i else STAGES for i in range(len(runs))]
    stages = [_stages(*run, rounds, most) for run in zip(runs, counts, strict=True)]
    stages = [s for s in stages if s.pictures]
    return Gallery(
        variant,
        stages[0] if stages else None,
        stages[1:],
        **{kind: _one(runs, kind, title, rounds, most) for kind, title in SINGLE.items()},
        latents=[p for p in (_one(runs, k, t, rounds, most, t) for k, t in LATENTS.items()) if p],
    )


def _stages(run: Run, count: int, rounds: Rounds, most: int) -> Stages:
    """The scored rounds, and others evenly spread."""
    own = rounds.get((run.variant, run.seed), {})
    paths = sorted(run.folder.glob("samples/[0-9]*.png"), key=_round)
    must = [path for path in paths if _round(path) in own]
    rest = spread([p for p in paths if p not in must], max(count - len(must), 0))
    whole = []
    for path in sorted([*must, *rest], key=_round):
        at = _round(path)
        told = f"round {at}, {SCORED.get(own[at], 'scored')}" if at in own else f"round {at}"
        alt = f"Samples of {run.variant}, seed {run.seed}, after {at} rounds"
        whole.append(picture(path, told, alt, most))
    return Stages(run.seed, [p for p in whole if p])


def _one(
    runs: Sequence[Run],
    kind: str,
    title: str,
    rounds: Rounds,
    most: int,
    beginning: str = "",
) -> Picture | None:
    """The picture of a kind of the scored round, of the first seed that has one; where none has,
    the latest, which its caption says. Captions begin with `beginning`.
    """
    for wanted in (True, False):
        for run in runs:
            own = rounds.get((run.variant, run.seed), {})
            files = {_round(path): path for path in run.folder.glob(f"samples/{kind}_[0-9]*.png")}
            order = list(own) if wanted else sorted(files, reverse=True)
            for at in [at for at in order if at in files]:
                told = f"seed {run.seed}, round {at}"
                told += f", {SCORED.get(own[at], 'scored')}" if at in own else ", not scored"
                caption = ", ".join(filter(None, (beginning, told)))
                alt = f"{title}: {run.variant}, {told}"
                if found := picture(files[at], caption, alt, most):
                    return found
    return None


def _round(path: Path) -> int:
    digits = path.stem.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _webp(image, most: int) -> bytes:
    """At most `most` bytes, unless its sides would have to be less than a sixteenth of `WIDEST`."""
    size, quality = WIDEST, 90
    while True:
        out, small = io.BytesIO(), image.copy()
        small.thumbnail((size, size))
        small.save(out, "webp", quality=quality)
        if len(out.getvalue()) <= most or size < WIDEST // 16:
            image.thumbnail((size, size))
            return out.getvalue()
        size, quality = (size, 75) if quality > 75 else (2 * size // 3, quality)
