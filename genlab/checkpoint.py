"""Saving and restoring the State with Orbax: asynchronous, atomic, the newest and the best kept."""

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax import lax, random
from orbax.checkpoint.checkpoint_managers import preservation_policy as policies

from genlab.config import ConfigError


class Checkpoints:
    """The checkpoints of one run.

    keep: number of newest ones kept
    best: name of the score by which the best one is kept too; lower is better, or higher with a
          leading "+"; "" for none
    """

    def __init__(self, folder: str | Path, keep: int = 2, best: str = ""):
        logging.getLogger("absl").setLevel(logging.ERROR)
        self.folder = Path(folder).resolve()
        self.score, higher = best.lstrip("+"), best.startswith("+")
        worst = -math.inf if higher else math.inf
        policy = [policies.LatestN(keep)]
        if best:
            policy.append(
                policies.BestN(
                    get_metric_fn=lambda metrics: metrics.get(self.score, worst),
                    reverse=not higher,  # Orbax keeps the last of the ascending order
                    n=1,
                    keep_checkpoints_without_metrics=False,
                )
            )
        options = ocp.CheckpointManagerOptions(
            best_fn=lambda metrics: metrics.get(self.score, worst),
            best_mode="max" if higher else "min",
            preservation_policy=policies.AnyPreservationPolicy(policy),
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
        saved = ocp.args.Composite(
            state=ocp.args.StandardSave(state),
            sums=ocp.args.JsonSave({"state": checksum(state)}),
        )
        metrics = None if score is None else {self.score: float(score)}
        self._manager.save(step, args=saved, metrics=metrics)

    @property
    def steps(self) -> list[int]:
        """Rounds there is a checkpoint of, ascending."""
        return sorted(self._manager.all_steps())

    @property
    def best(self) -> int | None:
        """The round with the best score; None where no checkpoint has one."""
        return self._manager.best_step() if self.score else None

    def restore(self, like: Any, step: int | None = None, prefer: int | None = None) -> Any:
        """(round, state) of the newest sound checkpoint, or of round `step` alone; None where
        there is none.

        like:   a state or its shapes, with the shardings wanted
        prefer: a round to try before the newest

        A damaged checkpoint is named in a warning and the next one is used. RuntimeError when all
        are damaged; ConfigError when there is none of round `step`.
        """
        if step is not None and step not in self.steps:
            raise ConfigError(f"no checkpoint of round {step} in {self.folder}: {self.steps}")
        newest = [s for s in self.steps[::-1] if s != prefer]
        candidates = [step] if step is not None else [prefer, *newest] if prefer else newest
        broken = []
        for candidate in candidates:
            try:
                state = self._read(candidate, like)
            except Exception as error:  # Orbax raises many kinds for a damaged folder
                told = str(error).strip().splitlines()[:1]
                broken.append(f"{candidate} ({type(error).__name__}: {''.join(told)[:200]})")
                continue
            if broken:
                warnings.warn(
                    f"damaged checkpoint in {self.folder}: {'; '.join(broken)}; "
                    f"using round {candidate} instead",
                    stacklevel=2,
                )
            return candidate, state
        if broken:
            raise RuntimeError(f"no checkpoint in {self.folder} can be read: {'; '.join(broken)}")
        return None

    def set_aside(self, newer_than: int) -> None:
        """Moves damaged checkpoints out of the way of new ones; nothing is deleted."""
        for step in [s for s in self.steps if s > newer_than]:
            aside = self.folder.parent / "damaged"
            aside.mkdir(exist_ok=True)
            (self.folder / str(step)).rename(aside / f"{step}-{len(list(aside.iterdir()))}")
        self._manager.reload()

    def wait(self) -> None:
        """Until all is on disk."""
        self._manager.wait_until_finished()

    def _read(self, step: int, like: Any) -> Any:
        wanted = ocp.args.Composite(
            state=ocp.args.StandardRestore(like), sums=ocp.args.JsonRestore()
        )
        found = self._manager.restore(step, args=wanted)
        if checksum(found["state"]) != found["sums"]["state"]:
            raise ValueError("its bits are not those that were saved")
        return found["state"]


def checksum(state: Any) -> int:
    """A 32-bit sum over the state's bits and their places: any flipped bit changes it."""
    return int(_checksum(state))


@jax.jit
def _checksum(state: Any) -> jax.Array:
    total = jnp.uint32(0)
    for number, leaf in enumerate(jax.tree.leaves(state)):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = random.key_data(leaf)
        leaf = leaf.astype(jnp.uint8) if leaf.dtype == bool else leaf
        width = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint32}[leaf.dtype.itemsize]
        bits = lax.bitcast_convert_type(leaf, width).ravel().astype(jnp.uint32)
        places = jnp.arange(bits.size, dtype=jnp.uint32) + jnp.uint32(number)
        total += (bits * (2 * places + 1)).sum(dtype=jnp.uint32)  # odd factors lose no bit
    return total


def shapes(state: Any, sharding: Any) -> Any:
    """A state as shapes with shardings: what `restore` wants."""
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, sharding
    )
