"""Pictures of examples: laid out in a grid, drawn as a density, written down."""

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from genlab.data import provenance


def grid(images: np.ndarray, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """uint8 [N, H, W, C] in rows of `columns`, with a white gap; the last row is padded."""
    n, h, w, c = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap) + gap, (i % columns) * (w + gap) + gap
        sheet[top : top + h, left : left + w] = image
    return sheet


def enlarged(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """[N, h, w, C] as [N, height, width, C]: each pixel the nearest one's."""
    rows, columns = (
        np.arange(size) * length // size
        for size, length in zip((height, width), images.shape[1:3], strict=True)
    )
    return images[:, rows[:, None], columns]


def points(x: np.ndarray, size: int = 256, reach: float | None = None) -> np.ndarray:
    """The first two coordinates of points [N, D] as a density plot about the origin, dark on
    white, uint8 [size, size, 1]; points of a line [N, 1] as the bars of a histogram.

    reach: from the origin to the edges; None for a little more than 99 % of the points have
    """
    reach = reach_of(x) if reach is None else reach
    if x.shape[1] == 1:
        return _bars(np.histogram(x, bins=size // 8, range=(-reach, reach))[0], size)
    counts, _, _ = np.histogram2d(-x[:, 1], x[:, 0], bins=size, range=[[-reach, reach]] * 2)
    shade = 255 * (
        1 - np.clip(np.sqrt(counts / max(1.0, np.quantile(counts[counts > 0], 0.95))), 0, 1)
    )
    return shade.astype(np.uint8)[..., None]


def _bars(counts: np.ndarray, size: int) -> np.ndarray:
    """A dark bar for each count, the greatest of full height, uint8 [size, size, 1]."""
    across = np.arange(size)
    heights = (size * counts / max(1, counts.max()))[across * len(counts) // size]
    return np.where(across[::-1, None] < heights, 0, 255).astype(np.uint8)[..., None]


def reach_of(x: np.ndarray) -> float:
    """How far from the origin a picture of points goes."""
    return 1.25 * max(1e-6, float(np.quantile(np.abs(x[:, :2]), 0.99)))


def texts(lines: Sequence[str]) -> np.ndarray:
    """A tile for each line of text, all of the size of the longest, uint8 [N, H, W, 1]."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default()
    boxes = [font.getbbox(line) for line in lines]
    size = (max(math.ceil(b[2]) for b in boxes) + 4, max(math.ceil(b[3]) for b in boxes) + 4)
    tiles = []
    for line in lines:
        tile = Image.new("L", size, 255)
        ImageDraw.Draw(tile).text((2, 2), line, fill=0, font=font)
        tiles.append(np.asarray(tile)[..., None])
    return np.stack(tiles)


def headed(sheet: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A sheet of columns of equal width with their names above them: across where all are narrow
    enough, else upwards; columns that are too narrow even for that are moved apart.
    """
    pitch = (sheet.shape[1] - 1) // len(names)
    tiles = texts(names)
    if tiles.shape[2] > pitch:
        tiles = np.rot90(tiles, axes=(1, 2))
    if tiles.shape[2] > pitch:
        sheet, pitch = _apart(sheet, pitch, tiles.shape[2]), tiles.shape[2]
    head = np.full((tiles.shape[1], sheet.shape[1], 1), 255, np.uint8)
    for i, tile in enumerate(tiles):
        left = 1 + i * pitch + (pitch - tile.shape[1]) // 2
        head[:, left : left + tile.shape[1]] = tile[:, : sheet.shape[1] - left]
    return np.concatenate([np.broadcast_to(head, (*head.shape[:2], sheet.shape[2])), sheet])


def _apart(sheet: np.ndarray, pitch: int, wide: int) -> np.ndarray:
    """With columns of `wide` pixels in place of `pitch`, what is between them white."""
    left, last = (wide - pitch) // 2, sheet.shape[1] // pitch * pitch
    around = ((0, 0), (left, wide - pitch - left), (0, 0))
    columns = [sheet[:, at : at + pitch] for at in range(0, last, pitch)]
    padded = [np.pad(x, around, constant_values=255) for x in columns]
    return np.concatenate([*padded, sheet[:, last:]], axis=1)


def titled(sheet: np.ndarray, title: str) -> np.ndarray:
    """A sheet with a line of text above it, in several lines where it is wider than the sheet,
    which becomes as wide as the longest word.
    """
    words = title.split()
    if not words:
        return sheet
    short = max(texts(words).shape[2] + 1 - sheet.shape[1], 0)
    sheet = np.pad(sheet, ((0, 0), (0, short), (0, 0)), constant_values=255)
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        fits = texts([longer]).shape[2] < sheet.shape[1]
        lines[-1:] = [longer] if fits else [lines[-1], word]
    tiles = [texts([line])[0] for line in lines]
    head = np.full((sum(map(len, tiles)), sheet.shape[1], sheet.shape[2]), 255, np.uint8)
    top = 0
    for tile in tiles:
        head[top : top + len(tile), 1 : 1 + tile.shape[1]] = tile
        top += len(tile)
    return np.concatenate([head, sheet])


def write_png(
    path: Path | BytesIO, image: np.ndarray, what: Mapping[str, Any] | None = None
) -> None:
    """uint8 [H, W, 1 or 3], to a file or into memory; `what` it says of itself (`provenance`)."""
    from PIL import Image

    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    said = provenance.options("PNG", what) if what else {}
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path, "PNG", **said)
