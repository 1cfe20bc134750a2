"""Errors of the API: one readable sentence, without a path of the machine."""

from collections.abc import Mapping

import starlette.exceptions
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from genlab.config import ConfigError, one_line
from genlab.web.server import Server
from genlab.web.worker import Full


def handle(app: FastAPI, server: Server) -> None:
    """What a client is told of each kind of error."""

    def answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": _without_paths(text, server)}, status, dict(headers or {}))

    @app.exception_handler(ConfigError)
    async def wrong(request: Request, error: ConfigError) -> JSONResponse:
        return answer(422, one_line(error, 500))

    @app.exception_handler(Full)
    async def full(request: Request, error: Full) -> JSONResponse:
        return answer(429, str(error), {"Retry-After": str(error.seconds)})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return answer(422, f"{where}: {first['msg']}")

    @app.exception_handler(starlette.exceptions.HTTPException)
    async def refused(request: Request, error: starlette.exceptions.HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return answer(500, f"the server failed ({type(error).__name__}); its log says where")


def _without_paths(text: str, server: Server) -> str:
    paths = {str(one.folder): one.id for one in server.served.values()}
    for path in sorted(paths, key=len, reverse=True):  # one may begin as another does
        text = text.replace(path, paths[path])
    return text
