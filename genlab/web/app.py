"""The HTTP API, version 1, and the page: `application` of trained runs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from genlab.config import ConfigError
from genlab.feedback import verdicts
from genlab.runs.environment import version
from genlab.sampling.conditions import read_given
from genlab.web import answers, errors, pictures, runs, searching
from genlab.web.asked import MOST, PACKED, SEEDS, Ask, AskMany, Chosen, Feedback, Pack
from genlab.web.drawing import Drawn
from genlab.web.pictures import PNG, Conditions
from genlab.web.runs import Served
from genlab.web.server import Server
from genlab.web.worker import Full, Worker

TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such run"},
    422: {"description": "What was asked for cannot be; `error` says why"},
    429: {"description": "Too much waits; Retry-After says when to ask again"},
    503: {"description": "No answer in time, or too many requests; Retry-After as of 429"},
}


def application(served: Mapping[str, Served], worker: Worker | None = None) -> FastAPI:
    """The page, the API and its document, of these runs."""
    server = Server(served, worker)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        server.worker.stop()

    app = FastAPI(
        title="genlab", version=version(), docs_url=None, redoc_url=None, lifespan=life,
        description="Samples of trained runs, by what is asked for.", responses=REFUSED,
    )  # fmt: skip
    app.state.server = server
    errors.handle(app, server)
    _reading(app, server)
    _drawing(app, server)
    pictures.routes(app, server)
    searching.routes(app, server)
    _keeping(app, server)
    _page(app)
    return app


def _reading(app: FastAPI, server: Server) -> None:
    """What is known of the runs; the device is not used, but for the first load of a run."""

    @app.get("/v1/health", tags=["server"])
    async def health() -> dict[str, Any]:
        """Whether the server answers, and what waits for the device."""
        worker = server.worker
        return {"status": "ok", "version": version(), "runs": len(server.served),
                "waiting": worker.held, "uptime": time.time() - server.began}  # fmt: skip

    @app.get("/v1/metrics", tags=["server"], response_class=Response)
    async def metrics() -> Response:
        """Counts for Prometheus."""
        worker = server.worker
        values = {"samples_total": worker.finished, "refused_total": worker.refused,
                  "calls_total": worker.calls, "waiting": worker.held,
                  "device_seconds_total": worker.busy}  # fmt: skip
        lines = [f"genlab_{name} {value}" for name, value in values.items()]
        return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    @app.get("/v1/runs", tags=["runs"])
    def listed() -> list[dict[str, Any]]:
        """The runs, with their status and round."""
        return [runs.summary(one) for one in server.served.values()]

    @app.get("/v1/runs/{run}", tags=["runs"])
    def described(run: str) -> dict[str, Any]:
        """What a run makes, what it can be given, what it can do."""
        return runs.described(server.one(run))

    @app.get("/v1/runs/{run}/scores", tags=["runs"])
    def scores(run: str) -> list[dict[str, Any]]:
        """Its evaluations, oldest first."""
        return runs.scores(server.one(run))

    @app.get("/v1/runs/{run}/curves", tags=["runs"])
    def curves(run: str, after: Annotated[int, Query(ge=-1)] = -1) -> list[dict[str, Any]]:
        """The rows of its training log after a round, also while it trains."""
        rows = server.one(run).read().metrics
        return [runs.finite(row) for row in rows if row["step"] > after]


def typed(
    n: Annotated[int, Query(ge=1, le=MOST)] = 16,
    seed: Annotated[int, Query(ge=0, lt=SEEDS)] = 0,
    given: Conditions = "",
    truncation: Annotated[float | None, Query(gt=0, le=100)] = None,
    guidance: Annotated[float | None, Query(ge=-100, le=100)] = None,
) -> Ask:
    """A request in an address: ?n=4&seed=1&given=category=dress,hue=0.6."""
    values = dict(read_given(*filter(None, [given])))
    asked = {"n": n, "seed": seed, "given": values, "truncation": truncation, "guidance": guidance}
    return Ask.model_validate(asked)


def _drawing(app: FastAPI, server: Server) -> None:
    """Samples."""

    @app.post("/v1/runs/{run}/samples", tags=["samples"])
    async def samples(run: str, ask: Ask) -> Response:
        """Samples as PNGs in JSON, with the conditions of each."""
        drawn = await server.draw(run, ask)
        body = await run_in_threadpool(lambda: json.dumps(answers.as_json(drawn, ask, run)))
        return Response(body, media_type="application/json")

    @app.get("/v1/runs/{run}/samples.png", tags=["samples"], response_class=Response,
             responses={200: {"content": PNG}})  # fmt: skip
    async def sheet(run: str, request: Request, ask: Annotated[Ask, Depends(typed)]) -> Response:
        """Samples as one PNG; the same address gives the same picture while the checkpoint is."""
        drawn = await server.draw(run, ask)
        tag = sha256(f"{run} {drawn.run.step} {ask.model_dump_json()}".encode()).hexdigest()[:32]
        headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        body = await run_in_threadpool(answers.sheet, drawn, ask)
        return Response(body, media_type="image/png", headers=headers)

    @app.post("/v1/runs/{run}/stream", tags=["samples"], response_class=StreamingResponse)
    async def stream(run: str, ask: AskMany) -> StreamingResponse:
        """Many samples, a line of JSON for every 64, each line as `samples` gives it, with the seed
        that its samples have: seed, seed + 1, ...
        """
        if ask.vary or ask.interpolate or ask.between:
            raise HTTPException(422, "a stream is of samples, not of rows: leave vary out")
        parts = [_part(ask, i) for i in range(-(-ask.n // MOST))]
        first = await server.draw(run, parts[0])  # what cannot be is said before a line is sent

        async def lines() -> AsyncIterator[bytes]:
            for i, part in enumerate(parts):
                drawn = first if i == 0 else await _patient(server, run, part)
                yield json.dumps(answers.as_json(drawn, part, run)).encode() + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @app.post("/v1/pack", tags=["samples"], response_class=Response)
    async def pack(asked: Pack) -> Response:
        """Samples of one or several runs as a ZIP, with their conditions and requests."""
        drawn = await _all(server, asked.chosen)
        parts = list(zip(asked.chosen, drawn, strict=True))
        body = await run_in_threadpool(answers.packed, parts)
        named = {"Content-Disposition": 'attachment; filename="samples.zip"'}
        return Response(body, media_type="application/zip", headers=named)


async def _all(server: Server, chosen: Sequence[Chosen]) -> list[Drawn]:
    """The samples of each request; ConfigError for more than are kept in memory at a time."""
    _few(sum(each.ask.many for each in chosen))
    drawn, many = [], 0
    for each in chosen:
        drawn.append(await server.draw(each.run, each.ask))
        many += len(drawn[-1].made)
        _few(many)  # names of a label that varies are counted only here
    return drawn


def _few(many: int) -> None:
    if many > PACKED:
        raise ConfigError(f"{many} samples in a ZIP; {PACKED} at most: ask for several ZIPs")


def _part(ask: AskMany, i: int) -> Ask:
    fields = ask.model_dump() | {"n": min(MOST, ask.n - i * MOST), "seed": (ask.seed + i) % SEEDS}
    return Ask.model_validate(fields)


async def _patient(server: Server, run: str, ask: Ask) -> Drawn:
    """Samples of a stream that has begun: it waits where others would be sent away."""
    while True:
        try:
            return await server.draw(run, ask)
        except Full as full:
            await asyncio.sleep(full.seconds)


def _keeping(app: FastAPI, server: Server) -> None:
    """What people say of samples."""

    @app.post("/v1/runs/{run}/feedback", tags=["feedback"])
    async def feedback(run: str, said: Feedback) -> dict[str, int]:
        """Keeps a verdict in the run's folder, `feedback.jsonl`, with the model that it is on; how
        many there are.
        """
        return {"kept": await run_in_threadpool(_keep, server.one(run), said)}


def _keep(one: Served, said: Feedback) -> int:
    trained = one.run()
    if said.checkpoint not in (None, trained.step):
        raise ConfigError(
            f"the sample is of round {said.checkpoint}, and round {trained.step} is served now: "
            "draw it again"
        )
    ask = said.ask.model_dump(exclude_defaults=True) | {"n": said.ask.n, "seed": said.ask.seed}
    verdict = verdicts.Verdict(ask, said.index, said.other, said.verdict)
    verdicts.append(trained, [verdict])
    return len(trained.folder.rows(verdicts.FILE))


def _page(app: FastAPI) -> None:
    """The page's own files, out of the package."""
    kept = {
        path.name: (path.read_bytes(), TYPES[path.name.rpartition(".")[2]])
        for path in files("genlab.web").joinpath("static").iterdir()
        if path.name.rpartition(".")[2] in TYPES
    }

    def file(name: str) -> Response:
        body, kind = kept[name]
        return Response(body, media_type=kind, headers={"Cache-Control": "no-cache"})

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return file("index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return file("docs.html")

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in kept:
            raise HTTPException(404, "no such file")
        return file(name)
