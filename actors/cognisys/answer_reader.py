"""Reads one HTTP response as an answer, within its deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from actors.cognisys.completion import Chunk, Deadlines
from actors.cognisys.event_stream import EventStream
from actors.cognisys.openai_body import read_piece
from vareon_runtime.errors import (
    UpstreamError,
    UpstreamIncomplete,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnreachable,
)

MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_PLAIN_BYTES = 4 * 1024 * 1024
DRAIN_S = 0.05
AFTER_FINISH_S = 2.0
"""How long the token counts may take that follow a finished answer."""
_WEB_PAGE = "text/html"
_DONE = "[DONE]"


class AnswerReader:
    """One answer being read.

    Args:
        response: Of status 200, its body unread.
        deadlines: How long the provider may take.
        begin: The loop's time when the request was sent.
        secret: The key, so that no error quotes it.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        deadlines: Deadlines,
        begin: float,
        secret: str,
    ) -> None:
        self._response = response
        self._deadlines = deadlines
        self._end = begin + deadlines.total_s
        self._first = begin + deadlines.first_token_s
        self._heard = begin
        self._secret = secret
        self._began = False
        self._understood = False
        self._finished = False
        self._received = 0

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """The answer's pieces, until the provider says that it is whole."""
        if self._response.content_type == _WEB_PAGE:
            raise UpstreamInvalid(
                "The provider answers with a web page; base_url usually ends with /v1."
            )
        if self._response.content_type == "application/json":
            yield self._take(await self._plain())
            return
        events = EventStream()
        while received := await self._read():
            for data in events.feed(received):
                if data.strip() == _DONE:
                    await self._drain()
                    return
                yield self._take(data)
        for data in events.finish():
            if data.strip() == _DONE:
                return
            yield self._take(data)
        if not self._finished:
            raise self._unfinished()

    def _take(self, data: str | bytes) -> Chunk:
        piece = read_piece(data, began=self._began, secret=self._secret)
        self._understood = True
        self._heard = asyncio.get_running_loop().time()
        self._began = self._began or piece.begun
        self._finished = self._finished or piece.chunk.finish_reason is not None
        if piece.chunk.finish_reason == "error":
            raise UpstreamIncomplete("The provider broke the answer off; try again.")
        return piece.chunk

    async def _plain(self) -> bytes:
        """The whole body of a server that does not stream."""
        self._first = self._end
        parts = []
        while received := await self._read():
            if self._received > MAX_PLAIN_BYTES:
                raise UpstreamInvalid("The provider's answer is beyond 4 MiB; ask for less.")
            parts.append(received)
        return b"".join(parts)

    async def _read(self) -> bytes:
        limit = self._first
        if self._finished:
            limit = self._heard + AFTER_FINISH_S
        elif self._began:
            limit = self._heard + self._deadlines.between_s
        try:
            async with asyncio.timeout_at(min(limit, self._end)):
                received: bytes = await self._response.content.readany()
        except TimeoutError as error:
            if self._finished:
                return b""
            raise self._silence() from error
        except (aiohttp.ClientError, OSError) as error:
            if self._finished:
                return b""
            raise self._lost() from error
        self._received += len(received)
        if self._received > MAX_BODY_BYTES:
            raise UpstreamInvalid("The provider sent more than 32 MiB for one answer.")
        return received

    async def _drain(self) -> None:
        """Read the body's last bytes, so that the connection can serve the next request."""
        try:
            async with asyncio.timeout(DRAIN_S):
                if not self._response.content.at_eof():
                    await self._response.content.readany()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return

    def _unfinished(self) -> UpstreamError:
        if self._received and not self._understood:
            return UpstreamInvalid(
                "The provider sent something that is not a chat completion; "
                "check that base_url is right and usually ends with /v1."
            )
        return self._lost()

    def _silence(self) -> UpstreamTimeout:
        if asyncio.get_running_loop().time() >= self._end:
            return UpstreamTimeout(
                f"The answer was not finished within {self._deadlines.total_s:g} s; "
                "ask for a shorter one."
            )
        if self._began:
            return UpstreamTimeout(
                f"The provider went silent in the middle of its answer for "
                f"{self._deadlines.between_s:g} s; try again."
            )
        return UpstreamTimeout(
            f"The provider did not begin an answer within "
            f"{self._deadlines.first_token_s:g} s; try again, or choose another model."
        )

    def _lost(self) -> UpstreamError:
        if self._began:
            return UpstreamIncomplete(
                "The provider's answer was cut in the middle; what arrived is not kept. Try again."
            )
        return UpstreamUnreachable(
            "The provider's connection was lost before an answer began; try again."
        )
