"""The same latents at successive stages of training, one strip for each run of a sweep.

Run:    python experiments/classics/stages.py runs/classics
Writes: experiments/classics/results/<variant>.png
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

RESULTS = Path(__file__).parent / "results"
TILES = 4  # rows and columns kept of each grid
WIDTH = 1_200  # pixels of a strip, at most


def strip(folder: Path) -> Image.Image | None:
    """The run's sample grids side by side, in order; None where it has none."""
    files = sorted(p for p in (folder / "samples").glob("*.png") if p.stem.isdigit())
    if not files:
        return None
    grids = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    height, width = grids[0].shape[:2]
    corner = [grid[: height * TILES // 8, : width * TILES // 8] for grid in grids]
    gap = np.full((corner[0].shape[0], 8, 3), 255, np.uint8)
    joined = np.concatenate([part for grid in corner for part in (grid, gap)][:-1], axis=1)
    scale = min(1.0, WIDTH / joined.shape[1])
    size = round(joined.shape[1] * scale), round(joined.shape[0] * scale)
    return Image.fromarray(joined).resize(size, Image.Resampling.LANCZOS)


def main(sweep: Path) -> None:
    """A picture for every variant's first seed."""
    RESULTS.mkdir(exist_ok=True)
    for folder in sorted(sweep.glob("*/seed0")):
        made = strip(folder)
        if made is not None:
            made.save(RESULTS / f"{folder.parent.name}.png")
            print(RESULTS / f"{folder.parent.name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
