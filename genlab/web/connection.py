"""A connection of the server, which ends where no request comes."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 15.0  # in which the next request's headers must have arrived


class Connection(H11Protocol):
    """uvicorn's connection, closed where no request is whole within `SECONDS` of its opening or of
    its last answer.

    uvicorn closes a connection that is silent after an answer; one that sends nothing at first, or
    a header without an end, it would keep for ever.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport) -> None:
        """Starts the clock."""
        super().connection_made(transport)
        self._restart()

    def connection_lost(self, exc) -> None:
        """Stops the clock."""
        self._stop()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Starts the clock for the next request."""
        self._restart()
        super().on_response_complete()

    def _restart(self) -> None:
        self._stop()
        self._limit = self.loop.call_later(SECONDS, self._end)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()

    def _end(self) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else its answer starts the clock
            self.transport.close()
