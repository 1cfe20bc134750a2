"""TensorBoard, by event files in the run's folder, without TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genlab.train.trackers.protocol import About

WATCHED = ("loss",)  # terms that the table of hyper-parameters shows beside them


@dataclass(frozen=True)
class TensorBoard:
    """Scalars by player, pictures at stages, hyper-parameters: `tensorboard --logdir=SWEEP`."""

    def open(self, about: About) -> "Events":
        """Its event files; what they have after the round it goes on from is taken back."""
        from tensorboardX import SummaryWriter

        place = str(about.run.path / "tensorboard")
        writer = SummaryWriter(place, purge_step=about.step + 1, flush_secs=10)
        return Events(writer, about)


class Events:
    """Event files of a run, being written."""

    def __init__(self, writer: Any, about: About):
        self.writer, self.about, self.begun = writer, about, about.step > 0

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Each under its name: "disc/loss" is in the group of its player."""
        if not self.begun:
            self._settings(values)
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def picture(self, step: int, name: str, file: Path) -> None:
        """As it was drawn."""
        from PIL import Image

        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))
        self.writer.add_image(name, pixels, step, dataformats="HWC")
        self.writer.flush()

    def close(self, failed: bool) -> None:
        """Writes what is left."""
        self.writer.close()

    def _settings(self, values: Mapping[str, float]) -> None:
        """Once, with the names of the losses that the table is to show."""
        from tensorboardX.summary import hparams

        losses = {name: 0.0 for name in values if name.rpartition("/")[2] in WATCHED}
        for summary in hparams(dict(self.about.settings), losses):
            self.writer.file_writer.add_summary(summary)
        self.begun = True
