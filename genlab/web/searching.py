"""A search for the sample that one person likes best, a duel a request. The client keeps what was
answered, so that any number of people can search, and a step back costs nothing.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from fastapi import FastAPI

from genlab.config import ConfigError
from genlab.feedback.search import LatentSearch
from genlab.sampling.load import TrainedRun
from genlab.web import answers
from genlab.web.asked import Search
from genlab.web.changing import can_edit
from genlab.web.server import Server
from genlab.web.worker import Job

WEIGHT = 64  # of a request, in samples: the first of a search finds its directions
KEPT = 8  # runs whose directions are kept


@dataclass(frozen=True)
class Searched:
    """The next duel, and pictures: its two, and the one liked best where anything was answered."""

    search: LatentSearch
    made: np.ndarray


def routes(app: FastAPI, server: Server) -> None:
    """What a person searches with."""

    @app.post("/v1/runs/{run}/search", tags=["feedback"])
    async def search(run: str, ask: Search) -> dict[str, Any]:
        """The next two samples to choose between, and the one liked best so far: `images` are PNGs
        in base64, in that order. To answer, send all duels again, with the one that was answered.
        """
        work = server.changing(run, searched)
        done: Searched = await server.done(Job(("search", run), WEIGHT, work, ask))
        return answers.found(done.search, done.made, ask, run)


def searched(run: TrainedRun, ask: Search) -> Searched:
    """The search after the answers; ConfigError for what the run cannot do, and other points."""
    if not can_edit(run):
        raise ConfigError(
            "the run makes no pictures from latents alone: there is nothing to search"
        )
    search = LatentSearch.of(run, ask.given, _directions(run), ask.seed)
    if ask.duels or ask.wins:
        duels = _points(ask, len(search.directions))
        search = replace(search, duels=duels, wins=np.array(ask.wins))
    shown = np.concatenate([search.duel, search.found[None]]) if search.answers else search.duel
    return Searched(search, np.asarray(search.pictures(shown)))


@lru_cache(KEPT)
def _directions(run: TrainedRun) -> np.ndarray:
    return LatentSearch.of(run).directions


def _points(ask: Search, directions: int) -> np.ndarray:
    if len(ask.wins) != len(ask.duels):
        raise ConfigError(f"{len(ask.wins)} wins of {len(ask.duels)} duels: give one for each")
    for duel in ask.duels:
        if [len(point) for point in duel] != [directions] * 2:
            raise ConfigError(f"duels: a point has {directions} numbers: send them as they came")
    return np.array(ask.duels)
