"""What the API serves: runs, and the thread that draws from them."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import HTTPException

from genlab.web.asked import Ask
from genlab.web.drawing import Drawing, Drawn, tried
from genlab.web.runs import Served
from genlab.web.worker import Job, Worker

SECONDS = 120.0  # in which an answer must be ready; the first of a run compiles its generator
AGAIN = 30  # seconds after which a client may ask again where it was not


class Server:
    """Runs, and the thread that draws from them."""

    def __init__(self, served: Mapping[str, Served], worker: Worker | None = None):
        self.served, self.worker = dict(served), worker or Worker()
        self.drawing = {name: Drawing(one) for name, one in self.served.items()}
        self.began = time.time()

    def one(self, run: str) -> Served:
        """A run by its id; 404 for none."""
        if run not in self.served:
            raise HTTPException(404, f"no run {run!r}; GET /v1/runs lists them")
        return self.served[run]

    async def draw(self, run: str, ask: Ask) -> Drawn:
        """Samples, once it is their turn."""
        self.one(run)
        kind = ("draw", run, ask.guidance)
        return await self.done(Job(kind, ask.many, self.drawing[run].draw, ask))

    def changing(self, run: str, change: Callable) -> Callable:
        """What does a change of pictures of a run, one request after the other."""
        self.one(run)

        def work(requests: Sequence[Any]) -> list[Any]:
            trained = self.drawing[run].run()
            return [tried(change, trained, one) for one in requests]

        return work

    async def done(self, job: Job) -> Any:
        """The result of a job; 503 where it takes too long."""
        waits = asyncio.wrap_future(self.worker.submit(job))
        try:
            return await asyncio.wait_for(waits, SECONDS)
        except TimeoutError:
            late = f"no answer within {SECONDS:g} s"
            raise HTTPException(503, late, {"Retry-After": str(AGAIN)}) from None
