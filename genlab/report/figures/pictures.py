"""The samples of a sweep, chosen and embedded: those of the scored checkpoints among them."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from genlab.report.protocol import measured, scored
from genlab.report.reading import Run, Sweep

STAGES = 4  # grids of the same latents shown of the first seed
FEWER_STAGES = 2  # and of each other seed
LARGE = 400_000  # bytes; a larger file is embedded as WebP
SCORED = {  # how a checkpoint was chosen, in a caption
    "best": "scored: best by validation", "last": "scored: last", "round": "scored", "": "scored",
}  # fmt: skip
LATENTS = {  # of `evaluation.LatentSpace`
    "traversals": "one unit of the latent after the other",
    "interpolations": "between the codes of examples",
    "aggregate": "codes of the data (left) and draws of the prior, the two most used units",
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
    latents: list[Picture]


def galleries(sweep: Sweep) -> list[Gallery]:
    """A gallery for each variant that left any picture."""
    found = scored(measured(sweep, "test"))
    made = [_gallery(variant, sweep.of(variant), found) for variant in sweep.variants]
    return [g for g in made if any((g.first, g.reconstructions, g.nearest, g.codes, g.latents))]


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


Rounds = Mapping[tuple[str, int], Mapping[int, str]]  # see `protocol.scored`


def _gallery(variant: str, runs: Sequence[Run], rounds: Rounds) -> Gallery:
    stages = [_stages(run, FEWER_STAGES if i else STAGES, rounds) for i, run in enumerate(runs)]
    stages = [s for s in stages if s.pictures]
    return Gallery(
        variant,
        stages[0] if stages else None,
        stages[1:],
        _one(runs, "reconstructions", "Originals with their reconstructions", rounds),
        _one(runs, "nearest", "Samples with their nearest training examples", rounds),
        _one(runs, "codes", "Originals with their codes, a colour for each code", rounds),
        [p for p in (_one(runs, k, t, rounds, t) for k, t in LATENTS.items()) if p],
    )


def _stages(run: Run, count: int, rounds: Rounds) -> Stages:
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
        whole.append(picture(path, told, alt))
    return Stages(run.seed, [p for p in whole if p])


def _one(
    runs: Sequence[Run], kind: str, title: str, rounds: Rounds, beginning: str = ""
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
                if found := picture(files[at], caption, f"{title}: {run.variant}, {told}"):
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
