"""Streams answers from OpenAI-compatible servers over HTTP.

Every wait has a deadline of its own, so a silent server ends in a typed error and never in
a task that hangs. An answer counts as whole only if the server said so.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import aiohttp

from actors.cognisys.answer_reader import AnswerReader
from actors.cognisys.completion import Chunk, Completions, Deadlines, Said
from actors.cognisys.destination import Destinations, ForbiddenAddress, GuardedResolver
from actors.cognisys.keyring import KeyRing
from actors.cognisys.messages import ModelRoute
from actors.cognisys.openai_body import OPTIONAL, request_body
from actors.cognisys.upstream_failure import message_in, retry_after, status_failure
from vareon_runtime.clock import Clock, SystemClock
from vareon_runtime.errors import (
    ConfigurationError,
    Overloaded,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
    VareonError,
)

CONNECTIONS_PER_ENDPOINT = 64
CONNECTIONS = 1_024
KEEP_ALIVE_S = 30.0
MAX_ERROR_BYTES = 64 * 1024
MAX_REMEMBERED = 1_000
_WRITTEN_WHOLE = 1 << 20
"""aiohttp warns of larger bytes, which would block its loop; it reads a file object in pieces."""


class _Sending:
    """One request on its way.

    The provider's time begins when a connection is free for it: that all of them are busy
    with long answers is not its silence.
    """

    def __init__(self, deadlines: Deadlines, traceparent: str) -> None:
        self.deadlines = deadlines
        self.traceparent = traceparent
        self.begin = asyncio.get_running_loop().time()
        self.reused = False
        self.waiting = False
        self._limit = asyncio.timeout(None)

    def limited(self) -> asyncio.Timeout:
        """The time allowed for one try."""
        self.reused = False
        self._limit = asyncio.timeout_at(self.begin + self.deadlines.first_token_s)
        return self._limit

    def wait(self) -> None:
        """All connections are busy."""
        self.waiting = True
        self._limit.reschedule(asyncio.get_running_loop().time() + self.deadlines.free_s)

    def go(self) -> None:
        """One of them is free."""
        self.waiting = False
        self.begin = asyncio.get_running_loop().time()
        self._limit.reschedule(self.begin + self.deadlines.first_token_s)


class OpenAiWire(Completions):
    """One shared pool of connections for a host.

    Args:
        keys: Opens the providers' keys.
        destinations: Says where requests may go that may not go anywhere.
        deadlines: How long a provider may take.
        clock: Tells how far away the date in a ``Retry-After`` is.
    """

    def __init__(
        self,
        keys: KeyRing,
        destinations: Destinations,
        deadlines: Deadlines | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._keys = keys
        self._destinations = destinations
        self._deadlines = deadlines or Deadlines()
        self._clock = clock or SystemClock()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether they reach private addresses."""
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    async def close(self) -> None:
        """Give the connections up."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def stream(
        self, route: ModelRoute, messages: Sequence[Said], traceparent: str = ""
    ) -> AsyncGenerator[Chunk, None]:
        """The answer, piece by piece as it comes.

        Raises:
            UpstreamError: If the provider failed.
            Overloaded: If every connection to it stayed busy.
            ConfigurationError: If its key cannot be opened or its address is not a URL.
        """
        secret = self._keys.decrypt(route.api_key_encrypted)
        sending = _Sending(self._deadlines, traceparent)
        response = await self._accepted(route, messages, secret, sending)
        try:
            reader = AnswerReader(response, self._deadlines, sending.begin, secret)
            async with aclosing(reader.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            response.release()

    async def _accepted(
        self, route: ModelRoute, messages: Sequence[Said], secret: str, sending: _Sending
    ) -> aiohttp.ClientResponse:
        """A response of status 200, asked for again without fields that the model refuses."""
        model = (route.base_url, route.model_name)
        while True:
            without = self._refused.get(model, frozenset())
            body = request_body(route, messages, without)
            response = await self._post(route, body, secret, sending)
            if response.status == 200:
                return response
            message = await self._error_message(response)
            refused = _refused_fields(response.status, message) - without
            if not refused:
                wait_s = retry_after(response.headers, self._clock.time())
                raise status_failure(response.status, message, secret, wait_s)
            if len(self._refused) >= MAX_REMEMBERED:
                self._refused.clear()
            self._refused[model] = without | refused

    async def _post(
        self, route: ModelRoute, body: bytes, secret: str, sending: _Sending
    ) -> aiohttp.ClientResponse:
        for again in (True, False):
            try:
                async with sending.limited():
                    return await self._opened(route).post(
                        f"{route.base_url}/chat/completions",
                        data=body if len(body) < _WRITTEN_WHOLE else io.BytesIO(body),
                        headers=_headers(route, secret, sending.traceparent),
                        allow_redirects=False,
                        trace_request_ctx=sending,
                    )
            except aiohttp.ServerTimeoutError as error:
                raise UpstreamUnreachable(
                    f"{route.provider_name} did not accept a connection within "
                    f"{self._deadlines.connect_s:g} s; check its base_url, or try again."
                ) from error
            except TimeoutError as error:
                raise _late(route, sending) from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # A kept connection may have been closed under us; a fresh one tells the truth.
                if not (sending.reused and again):
                    raise _unreachable(route, error) from error
            except aiohttp.InvalidURL as error:
                raise ConfigurationError(
                    f"The base_url of {route.provider_name} is not a URL; correct it."
                ) from error
            except aiohttp.ClientResponseError as error:
                raise UpstreamInvalid(
                    f"{route.provider_name} does not answer in HTTP; check its base_url."
                ) from error
            except (aiohttp.ClientError, OSError) as error:
                raise _unreachable(route, error) from error
        raise UpstreamUnreachable(f"{route.provider_name} cannot be reached; try again.")

    async def _error_message(self, response: aiohttp.ClientResponse) -> str:
        try:
            async with asyncio.timeout(self._deadlines.connect_s):
                return message_in(await response.content.read(MAX_ERROR_BYTES))
        except (TimeoutError, aiohttp.ClientError, OSError):
            return ""
        finally:
            response.release()

    def _opened(self, route: ModelRoute) -> aiohttp.ClientSession:
        # An address that is written as one is never resolved.
        if not (route.anywhere or self._destinations.permits_host(route.base_url)):
            raise ForbiddenAddress(f"{route.base_url} is a private address")
        if route.anywhere not in self._sessions:
            resolver = None if route.anywhere else GuardedResolver(self._destinations)
            noticed = aiohttp.TraceConfig()
            noticed.on_connection_reuseconn.append(_reused)
            noticed.on_connection_queued_start.append(_queued)
            noticed.on_connection_queued_end.append(_free)
            self._sessions[route.anywhere] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS,
                    limit_per_host=CONNECTIONS_PER_ENDPOINT,
                    keepalive_timeout=KEEP_ALIVE_S,
                    resolver=resolver,
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[noticed],
                read_bufsize=256 * 1024,
            )
        return self._sessions[route.anywhere]


async def _reused(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.reused = True


async def _queued(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.wait()


async def _free(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.go()


def _headers(route: ModelRoute, secret: str, traceparent: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
    }
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    if route.organization_id:
        headers["OpenAI-Organization"] = route.organization_id
    if traceparent:
        headers["traceparent"] = traceparent
    return headers


def _refused_fields(status: int, message: str) -> frozenset[str]:
    """Optional fields that a refusal blames."""
    if status not in (400, 422):
        return frozenset()
    return frozenset(name for name in OPTIONAL if name in message)


def _unreachable(route: ModelRoute, error: Exception) -> UpstreamError:
    if isinstance(error, ForbiddenAddress) or isinstance(error.__cause__, ForbiddenAddress):
        return UpstreamRejected(
            f"The base_url of {route.provider_name} leads to a private address: ask an "
            "administrator to connect it, or to list the network in VAREON_PRIVATE_NETWORKS."
        )
    reason = "its connection was lost before an answer began"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        reason = "its host name is unknown here"
    elif isinstance(error, aiohttp.ClientSSLError):
        reason = "no safe TLS connection to it is possible"
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = "it refuses connections"
    return UpstreamUnreachable(
        f"{route.provider_name} cannot be reached: {reason}. "
        "Check that it runs and that its base_url is right, then try again."
    )


def _late(route: ModelRoute, sending: _Sending) -> VareonError:
    if sending.waiting:
        return Overloaded(
            f"{CONNECTIONS_PER_ENDPOINT} answers of {route.provider_name} are streaming already "
            "and none ended in time; try again.",
            retry_after_s=5.0,
        )
    return UpstreamTimeout(
        f"{route.provider_name} did not begin an answer within "
        f"{sending.deadlines.first_token_s:g} s; try again, or choose another model."
    )
