"""Weights & Biases, offline unless it is asked to be online."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlab.config import ConfigError, did_you_mean
from genlab.train.trackers.protocol import About

MODES = ("offline", "online")


@dataclass(frozen=True)
class WandB:
    """`pip install 'genlab[wandb]'`; its files are in the run's folder, and
    `wandb sync RUN/wandb/*` sends them later.

    project: the name that the runs are under
    mode:    "offline", or "online", which needs an account
    """

    project: str = "genlab"
    mode: str = "offline"

    def __post_init__(self):
        if self.mode not in MODES:
            hint = did_you_mean(self.mode, MODES)
            raise ConfigError(f"WandB.mode={self.mode!r}: give {' or '.join(MODES)}{hint}")

    def open(self, about: About) -> "Logged":
        """Its run there: of one that goes on the same; ImportError without the extra."""
        import wandb  # pyright: ignore[reportMissingImports]

        place = about.run.path.resolve()
        run = wandb.init(  # pyright: ignore[reportAttributeAccessIssue]
            project=self.project,
            name=about.name,
            id=hashlib.sha256(str(place).encode()).hexdigest()[:16],
            dir=str(place),
            config=dict(about.settings),
            mode=self.mode,  # pyright: ignore[reportArgumentType]
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(  # pyright: ignore[reportAttributeAccessIssue]
                silent=True, console="off", disable_git=True
            ),
        )
        return Logged(run)


class Logged:
    """A run of Weights & Biases."""

    def __init__(self, run: Any):
        self.run = run

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Each under its name; the step is a number too, for rows may come late."""
        self.run.log({"round": step, **values})

    def picture(self, step: int, name: str, file: Path) -> None:
        """As it was drawn."""
        import wandb  # pyright: ignore[reportMissingImports]

        image = wandb.Image(str(file))  # pyright: ignore[reportAttributeAccessIssue]
        self.run.log({"round": step, name: image})

    def close(self, failed: bool) -> None:
        """Finished, or failed."""
        self.run.finish(exit_code=int(failed))
