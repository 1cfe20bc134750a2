"""Game: all training mathematics, pure; a method is a game of players, and one `step` plays it."""

from genlab.game.step import (
    Ahead,
    Method,
    Player,
    State,
    apply,
    batches_per_round,
    conditions,
    fresh,
    init,
    look_ahead,
    move,
    step,
    turns,
)

__all__ = [
    "Ahead",
    "Method",
    "Player",
    "State",
    "apply",
    "batches_per_round",
    "conditions",
    "fresh",
    "init",
    "look_ahead",
    "move",
    "step",
    "turns",
]
