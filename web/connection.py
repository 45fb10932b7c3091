"""One client's connection: what is wrong before there is a request is told like anything else."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from aiohttp import web as aiohttp_web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from vareon_runtime.telemetry import failure
from web.headers import REQUEST_ID, secure
from web.middleware import problem

LONGEST_ADDRESS = 8_190
LONGEST_HEADER = 16_380
"""One header with its name; not the number of the address, so that the two are told apart."""
HEAD_TIME_S = 30.0
"""How long the head of a request may take from its first byte to its last."""
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
    b"Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n"
    b"Content-Length: %d\r\n\r\n%b"
)


class Connection(RequestHandler):
    """Reads requests; a head that comes too slowly, or cannot be read, ends it."""

    __slots__ = ("_head_due",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_due: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read on, and watch how long a head takes that has begun."""
        super().data_received(data)
        due, waiter = self._head_due, self._waiter
        if waiter is None or waiter.done():
            if due is not None:
                due.cancel()
                self._head_due = None
        elif due is None and data and not self._close:
            self._head_due = self._loop.call_later(HEAD_TIME_S, self._end_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop watching."""
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None
        super().connection_lost(exc)

    def handle_error(
        self,
        request: aiohttp_web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> aiohttp_web.StreamResponse:
        """A problem report for what never reached a handler, or broke behind it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        request_id = secrets.token_hex(8)
        if status >= 500:
            failure("answer_failed", exc or RuntimeError("no answer"), request_id=request_id)
            response = problem(500, "internal", "Something went wrong here.", request_id)
        else:
            response = problem(*_told(exc), request_id)
        secure(response.headers)
        response.headers[REQUEST_ID] = request_id
        response.force_close()
        return response

    def _end_slow(self) -> None:
        self._head_due = None
        waiter, transport = self._waiter, self.transport
        if waiter is None or waiter.done() or not isinstance(transport, asyncio.Transport):
            return
        told = problem(408, "too_slow", "The request did not arrive in time.", secrets.token_hex(8))
        body = told.body if isinstance(told.body, bytes) else b""
        transport.write(_TOO_SLOW % (len(body), body))
        self.force_close()


class Server(aiohttp_web.Server):
    """Makes our connections."""

    def __call__(self) -> Connection:
        """A new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(aiohttp_web.AppRunner):
    """Runs an application on our connections."""

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        # aiohttp has no way to be told of another class, and no copy of a server.
        return Server(
            made.request_handler,
            request_factory=made.request_factory,
            loop=asyncio.get_running_loop(),
            handler_cancellation=made.handler_cancellation,
            max_line_size=LONGEST_ADDRESS,
            max_field_size=LONGEST_HEADER,
            **made._kwargs,  # noqa: SLF001
        )


def _told(error: BaseException | None) -> tuple[int, str, str]:
    if not isinstance(error, LineTooLong):
        return 400, "malformed", "This is not a request that HTTP knows."
    if error.args[1] == LONGEST_ADDRESS:
        return 414, "address_too_long", f"An address has at most {LONGEST_ADDRESS} characters."
    return 431, "header_too_long", f"A header has at most {LONGEST_HEADER} characters."
