"""What reaches the API: hosts, origins, a token, the size and the time of a body."""

import asyncio
import hmac
import json
from urllib.parse import urlsplit

from fastapi import HTTPException

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BODY = 8 << 20  # bytes of an upload
SECONDS = 15.0  # in which a body must have arrived
RUNNING = 1_000  # requests at a time
HEADERS = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors "
    b"'none'; base-uri 'none'; form-action 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}


class TooSlow(HTTPException):
    """A body did not arrive in time. An HTTPException, for FastAPI makes a 400 of any other that it
    meets while it reads a body.
    """

    def __init__(self):
        super().__init__(408, f"the request did not arrive within {SECONDS:g} s")


class TooMuch(HTTPException):
    """A body is larger than is read."""

    def __init__(self):
        super().__init__(413, f"a body may have {BODY} bytes")


class Guard:
    """ASGI around the API.

    token: what every request but for the page's own files must bear; None on this machine alone
    hosts: names under which the server may be called; () for any, which then wants a token. A page
           on the internet can make a browser call this machine under the page's own name
    """

    def __init__(self, app, token: str | None = None, hosts: tuple[str, ...] = LOOPBACK):
        self.app, self.token, self.hosts = app, token, hosts
        self.running = 0

    async def __call__(self, scope, receive, send) -> None:
        """A request, passed on or refused."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {k.lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if problem := self._problem(scope, headers):
            return await _refuse(send, *problem)
        self.running += 1
        try:
            await self._passed(scope, receive, send)
        finally:
            self.running -= 1

    async def _passed(self, scope, receive, send) -> None:
        started = False

        async def sends(message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message["headers"], *HEADERS.items()]}
            await send(message)

        try:
            await self.app(scope, _bounded(receive), sends)
        except (TooMuch, TooSlow) as error:
            if not started:
                await _refuse(send, error.status_code, error.detail)

    def _problem(self, scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        if self.running >= RUNNING:
            return 503, f"{RUNNING} requests are being answered: ask again in a second"
        host = _name(headers.get(b"host", ""))
        if self.hosts and host not in self.hosts:
            return 421, "this server is not known under the name it was called by"
        origin = headers.get(b"origin")
        if origin and scope["method"] not in ("GET", "HEAD") and _name(origin) != host:
            return 403, "a page of another site may not ask for this"
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > BODY:
            return 413, f"a body may have {BODY} bytes"
        if self.token is not None and scope["path"].startswith(("/v1/", "/openapi")):
            scheme, _, given = headers.get(b"authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self.token.encode())
            if scheme.lower() != "bearer" or not right:
                return 401, "give the token that the server printed: Authorization: Bearer TOKEN"
        return None


def _name(address: str) -> str:
    """The host of "http://name:80" or "name:80"; "" for what is none."""
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _bounded(receive):
    """`receive`, for so many bytes and seconds."""
    read, ends = 0, None

    async def bounded():
        nonlocal read, ends
        now = asyncio.get_running_loop().time()
        if ends is None:
            ends = now + SECONDS
        if read < 0:  # the body is whole: what comes is the client's leaving
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(ends - now, 0.001))
        except TimeoutError:
            raise TooSlow from None
        read += len(message.get("body", b""))
        if read > BODY:
            raise TooMuch
        if not message.get("more_body"):
            read = -1
        return message

    return bounded


async def _refuse(send, status: int, problem: str) -> None:
    body = json.dumps({"error": problem}).encode()
    kind = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    more = {401: [(b"www-authenticate", b"Bearer")], 503: [(b"retry-after", b"1")]}.get(status, [])
    headers = [*kind, *more, *HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
