"""Game: all training mathematics, pure; a method is a game of players, and one `step` plays it."""

from genlab.game.networks import apply, conditions, fresh
from genlab.game.players import Ahead, Method, Player, State, batches_per_round, turns
from genlab.game.step import init, look_ahead, move, step

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
