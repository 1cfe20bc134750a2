"""Hooks: `every(n, fn)` is called with the State after rounds n, 2n, ... and after the last."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from genlab.game import State
from genlab.runs.folder import RunFolder
from genlab.train.program import Training


class Hook(NamedTuple):
    """every: in rounds, 0 for never; fn: (round, state) -> the score by which the checkpoint of
    this round is chosen (NaN: not defined), or None; name: what it does, for trackers.
    """

    every: int
    fn: Callable[[int, State], float | None]
    name: str = ""


Maker = Callable[[Training, RunFolder], Iterable[Hook]]
"""What makes a run's hooks: the loop knows no evaluation and no pictures."""


def none(training: Training, run: RunFolder) -> tuple[Hook, ...]:
    """A `Maker` of no hooks: only training."""
    return ()


def every(n: int, fn: Callable[[int, State], float | None], name: str = "") -> Hook:
    """`fn` after every `n` rounds and after the last one; n = 0 turns it off."""
    return Hook(n, fn, name)


def due(hooks: Iterable[Hook], step: int, last: int) -> list[Hook]:
    """The hooks to call after round `step`, in their order."""
    return [hook for hook in hooks if hook.every and (step % hook.every == 0 or step == last)]


def next_stop(hooks: Iterable[Hook], step: int, last: int) -> int:
    """The next round after which some hook is due: where a dispatch of many rounds has to end."""
    return min([last, *((step // hook.every + 1) * hook.every for hook in hooks if hook.every)])
