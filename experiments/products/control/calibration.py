"""What was measured against what was asked: the report's pictures of a sweep, as files.

Run:    python experiments/products/control/calibration.py runs/control_beyond beyond
Writes: experiments/products/control/results/beyond_NUMBER.svg
"""

import base64
import sys
from pathlib import Path

from genlab.report.figures.calibration import calibrations
from genlab.report.reading import read

RESULTS = Path(__file__).parent / "results"


def main(runs: str, name: str) -> None:
    """Writes a picture for each number."""
    for pictures in calibrations(read(Path(runs))).values():
        for picture in pictures:
            number = picture.title.partition(",")[0]
            made = base64.b64decode(picture.uri.partition(",")[2])
            (RESULTS / f"{name}_{number}.svg").write_bytes(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
