"""Saving and restoring the State with Orbax: asynchronous, atomic, the newest and the best kept.

By Orbax's API of before 1.0, and `orbax-checkpoint<1`: its next one is `orbax.checkpoint.
experimental.v1` as yet, where names still change. It reads what is written here (a test).
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax import lax, random

from genlab.config import ConfigError
from genlab.runs import saved
from genlab.runs.checkpoint_path import CheckpointPath
from genlab.runs.files import NotWritten, writing
from genlab.runtime import processes

CENTURY = 100 * 365 * 24 * 3600  # seconds
DRAFT = ".orbax-checkpoint-tmp"  # in the name of a folder that Orbax is still writing


class Checkpoints:
    """The checkpoints of one run.

    keep: number of newest ones kept
    best: name of the score by which the best one is kept too; lower is better, or higher with a
          leading "+"; "" for none
    """

    def __init__(self, folder: str | Path, keep: int = 2, best: str = ""):
        logging.getLogger("absl").setLevel(logging.CRITICAL)  # failures are reported here
        self.folder, self.keep = Path(folder).resolve(), keep
        self._saving = 0, 0  # the round, and how many arrays
        self.preferred, self.score = best, best.lstrip("+")
        # Orbax takes the time of a save from the wall clock, which may jump
        patience = {"timeout_secs": CENTURY} if processes.count() == 1 else {}
        options = ocp.CheckpointManagerOptions(
            preservation_policy=self,
            async_options=ocp.options.AsyncOptions(
                post_finalization_callback=self._read_back, **patience
            ),
        )
        with self._reported():
            self._manager = ocp.CheckpointManager(CheckpointPath(self.folder), options=options)
        steps = self._manager.all_steps()
        self._scores = {step: saved.recorded(self.folder, step) for step in steps}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._reported():
            self._manager.close()  # waits for what is being written

    def save(self, step: int, state: Any, score: float | None = None) -> None:
        """Writes in the background; the caller may donate `state` at once.

        Raises NotWritten where this checkpoint, or the one before, does not get to disk.
        """
        if step in self._manager.all_steps():
            return
        self._scores[step] = {} if score is None else {self.score: float(score)}
        sums = {**checksums(state), "scores": self._scores[step]}
        whole = ocp.args.Composite(state=ocp.args.StandardSave(state), sums=ocp.args.JsonSave(sums))
        with self._reported():
            self._manager.wait_until_finished()
            self._saving = step, len(jax.tree.leaves(state))
            self._manager.save(step, args=whole)

    def should_preserve(self, checkpoints: Sequence, *, context: Any) -> list[bool]:
        """Orbax asks which of the `checkpoints`, oldest first, to keep: the newest and the best."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = {*steps[-self.keep :], self._best_of(steps)}
        return [step in kept for step in steps]

    @property
    def steps(self) -> list[int]:
        """Rounds there is a checkpoint of, ascending."""
        return sorted(self._manager.all_steps())

    @property
    def best(self) -> int | None:
        """The round with the best score; None where no checkpoint has one."""
        return self._best_of(self.steps)

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
                first = "".join(str(error).strip().splitlines()[:1])
                broken.append(f"{candidate} ({type(error).__name__}: {first[:200]})")
                continue
            if broken:
                warnings.warn(
                    f"damaged checkpoint in {self.folder}: {'; '.join(broken)}; "
                    f"using round {candidate} instead",
                    stacklevel=2,
                )
            return candidate, state
        if broken:
            raise RuntimeError(
                f"no checkpoint in {self.folder} can be read: {'; '.join(broken)}; nothing was "
                "changed: mend them, or move the folder away to begin anew"
            )
        return None

    def set_aside(self, newer_than: int) -> None:
        """Moves damaged checkpoints out of the way of new ones, for a run that goes on from round
        `newer_than`; nothing is deleted but what a killed save had begun.
        """
        processes.on_main(lambda: self._set_aside(newer_than))
        self._manager.reload()

    def _set_aside(self, newer_than: int) -> None:
        for begun in self.folder.glob(f"*{DRAFT}*"):
            CheckpointPath(begun).rmtree(missing_ok=True)
        late = [self.folder / str(step) for step in self.steps if step > newer_than]
        for folder in [*self.folder.glob(f"*{DRAFT}*"), *late]:  # a draft that could not be deleted
            aside = self.folder.parent / "damaged"
            with writing(aside):
                aside.mkdir(exist_ok=True)
                folder.rename(aside / f"{folder.name}-{len(list(aside.iterdir()))}")

    def wait(self) -> None:
        """Until all is on disk; NotWritten where it does not get there."""
        with self._reported():
            self._manager.wait_until_finished()

    def _best_of(self, steps: Sequence[int]) -> int | None:
        """The newest of those with the best score."""
        return saved.best_of({step: self._scores.get(step, {}) for step in steps}, self.preferred)

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Errors of writing, of many kinds and pages long, become `NotWritten`, one line."""
        try:
            yield
        except NotWritten:
            raise
        except Exception as error:
            whole = [int(p.name) for p in self.folder.glob("*") if p.name.isdecimal()]
            safe = f"that of round {max(whole)} is intact" if whole else "there is none before it"
            raise NotWritten.because(
                f"a checkpoint in {self.folder}", error, f"; {safe}"
            ) from error

    def _read_back(self) -> None:
        """Orbax calls this before a new checkpoint takes its place, in the main process: one that
        cannot be read never does, and no older one is deleted for it.
        """
        step, arrays = self._saving
        try:
            for draft in self.folder.glob(f"{step}{DRAFT}*"):
                if (found := saved.stored(draft)) != arrays:
                    raise ValueError(f"{found} of {arrays} arrays are there")
        except Exception as error:  # Orbax raises many kinds
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise NotWritten(
                f"the checkpoint of round {step} in {self.folder} was written and cannot "
                f"be read back ({reason}), so that it does not take the place of an older one: "
                "give a --workdir of another name or on another disk"
            ) from error

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
    return checksums(state)["state"]


def checksums(state: Any) -> dict[str, int]:
    """`checksum` of the whole state, and of its weights for whoever reads them alone."""
    return {name: int(value) for name, value in _checksums(state).items()}


@jax.jit
def _checksums(state: Any) -> dict[str, jax.Array]:
    found = {"state": _checksum(state)}
    if all(hasattr(state, part) for part in saved.PARTS):
        found["weights"] = _checksum(saved.weighed(state.params, state.stats, state.ema))
    return found


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
