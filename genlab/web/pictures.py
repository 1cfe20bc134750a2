"""Routes of the API to which a client sends a picture."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from genlab.config import ConfigError
from genlab.sampling.conditions import read_given
from genlab.web import answers, changing, runs
from genlab.web.asked import Edit, Translation
from genlab.web.drawing import Given
from genlab.web.runs import Served
from genlab.web.server import Server
from genlab.web.worker import Job

Conditions = Annotated[str, Query(max_length=2_000, examples=["category=dress,hue=0.6"])]
PNG = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
WEIGHT = 64  # of an edit, in samples: it may be a search
HELD = 64 << 10  # bytes of an upload that weigh as a sample does while it waits


def routes(app: FastAPI, server: Server) -> None:
    """What is made of a client's picture: for a reconstruction and a code the body is a PNG, JPEG,
    WebP, ... file; for what takes several pictures and settings it is JSON.
    """
    body = {"requestBody": {"required": True, "content": PNG}}

    @app.post("/v1/runs/{run}/reconstruct", tags=["pictures"], openapi_extra=body,
              response_class=Response, responses={200: {"content": PNG}})  # fmt: skip
    async def reconstruct(run: str, request: Request, given: Conditions = "") -> Response:
        """The picture as the model makes it anew, a PNG."""
        made = await _of_picture(server, run, request, given, "reconstruct")
        return Response(await run_in_threadpool(answers.png, made), media_type="image/png")

    @app.post("/v1/runs/{run}/encode", tags=["pictures"], openapi_extra=body)
    async def encode(run: str, request: Request, given: Conditions = "") -> dict[str, list[float]]:
        """The picture's code."""
        code = await _of_picture(server, run, request, given, "encode")
        return {"code": [float(x) for x in code]}

    @app.post("/v1/runs/{run}/translate", tags=["pictures"])
    async def translate(run: str, ask: Translation) -> dict[str, Any]:
        """The picture repaired, coloured, translated or restyled, as the run does it; `images` are
        PNGs in base64.
        """
        return await _changed(server, run, ask, server.changing(run, changing.translated), 1)

    @app.post("/v1/runs/{run}/edit", tags=["pictures"])
    async def edit(run: str, ask: Edit) -> dict[str, Any]:
        """The picture found again in the run's latents, and changed; `images` are PNGs in base64,
        the first of them as it was found, `heads` what each is.
        """
        return await _changed(server, run, ask, server.changing(run, changing.edited), WEIGHT)


async def _changed(
    server: Server, run: str, ask: Translation | Edit, work: Callable, weight: int
) -> dict[str, Any]:
    one = server.one(run)
    request = await run_in_threadpool(lambda: changing.prepared(one.run(), ask))
    kind = (type(ask).__name__, run)
    files = ask.pictures.values() if isinstance(ask, Translation) else [ask.picture]
    weight += sum(map(len, files)) // HELD
    done: changing.Changed = await server.done(Job(kind, weight, work, request))
    return await run_in_threadpool(answers.changed, done, ask, run)


async def _of_picture(
    server: Server, run: str, request: Request, given: str, ability: str
) -> np.ndarray:
    one, body = server.one(run), await request.body()
    x = Given(await run_in_threadpool(_decoded, one, body), read_given(*filter(None, [given])))
    weight, work = 1 + len(body) // HELD, getattr(server.drawing[run], ability)
    return await server.done(Job((ability, run), weight, work, x))


def _decoded(one: Served, body: bytes) -> np.ndarray:
    """The client's picture, fitted to what the run takes; ConfigError for what is none."""
    run = one.run()
    if len(runs.shape_of(run)) != 3:
        raise ConfigError(f"run {one.id} takes no pictures")
    return changing.picture(run.method.makes, run.source.columns[run.method.makes], body)
