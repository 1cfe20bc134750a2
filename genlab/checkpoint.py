"""Saving and restoring the State with Orbax: asynchronous, atomic, the newest and the best kept."""

import logging
import warnings
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy as policies

SCORE = "score"


class Checkpoints:
    """The checkpoints of one run.

    keep: number of newest ones kept; with `higher` the best has the highest score, else the lowest.
    """

    def __init__(self, folder: str | Path, keep: int = 2, higher: bool = False):
        logging.getLogger("absl").setLevel(logging.ERROR)
        self.folder = Path(folder).resolve()
        best = policies.BestN(
            get_metric_fn=lambda metrics: metrics[SCORE],
            reverse=not higher,  # Orbax keeps the last of the ascending order
            n=1,
            keep_checkpoints_without_metrics=False,
        )
        options = ocp.CheckpointManagerOptions(
            best_fn=lambda metrics: metrics[SCORE],
            best_mode="max" if higher else "min",
            preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(keep), best]),
        )
        self._manager = ocp.CheckpointManager(self.folder, options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._manager.close()  # waits for what is being written

    def save(self, step: int, state: Any, score: float | None = None) -> None:
        """Writes in the background; the caller may donate `state` at once."""
        if step in self._manager.all_steps():
            return
        metrics = None if score is None else {SCORE: float(score)}
        self._manager.save(
            step, args=ocp.args.Composite(state=ocp.args.StandardSave(state)), metrics=metrics
        )

    @property
    def steps(self) -> list[int]:
        """Rounds there is a checkpoint of, ascending."""
        return sorted(self._manager.all_steps())

    @property
    def best(self) -> int | None:
        """The round with the best score; None where no checkpoint has one."""
        return self._manager.best_step()

    def restore(self, like: Any, step: int | None = None) -> tuple[int, Any] | None:
        """(round, state) of the newest sound checkpoint, or of round `step`; None where there is
        none.

        `like` is a state or its shapes, with the shardings wanted. A damaged checkpoint is named in
        a warning and the next older one is used; when all are damaged, RuntimeError.
        """
        candidates = [step] if step is not None else self.steps[::-1]
        broken = []
        for candidate in candidates:
            try:
                args = ocp.args.Composite(state=ocp.args.StandardRestore(like))
                state = self._manager.restore(candidate, args=args)["state"]
            except Exception as error:  # Orbax raises many kinds for a damaged folder
                broken.append(f"{self.folder / str(candidate)} ({type(error).__name__})")
                continue
            if broken:
                warnings.warn(
                    f"damaged checkpoint {', '.join(broken)}: resuming from round {candidate} "
                    "instead",
                    stacklevel=2,
                )
                self._discard(newer_than=candidate)
            return candidate, state
        if broken:
            raise RuntimeError(f"no checkpoint can be read: {'; '.join(broken)}")
        return None

    def wait(self) -> None:
        """Until all is on disk."""
        self._manager.wait_until_finished()

    def _discard(self, newer_than: int) -> None:
        """Moves damaged checkpoints aside, so that their rounds can be saved again; nothing is
        deleted.
        """
        for step in [s for s in self.steps if s > newer_than]:
            aside = self.folder.parent / "damaged"
            aside.mkdir(exist_ok=True)
            (self.folder / str(step)).rename(aside / f"{step}-{len(list(aside.iterdir()))}")
        self._manager.reload()


def shapes(state: Any, sharding: Any) -> Any:
    """A state as shapes with shardings: what `restore` wants."""
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, sharding
    )
