"""``Idempotency-Key``: a request repeated under its key is answered with its first outcome.

A key belongs to its principal and route (method, path template, path), and is kept for 24 h. The
memory is the inbox of entities, so it outlives every process and is shared by all front doors.

- A route that makes one ask to the entity its path names needs no more than that inbox.
- Any other begins with a message to the user's own entity, which remembers what was asked, and
  ends with one that keeps the answer. In between everything it asks has derived ids, and what it
  read before its first change is kept, so a repeat of a request that was cut off in the middle
  continues where it was, though what it was about is gone.

A refusal changes nothing and is not kept: the same request may succeed later.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import uuid
from functools import partial
from hashlib import blake2b

from aiohttp import web as aiohttp_web

from actors import names
from actors.accounts.messages import BeginKeyed, KeepFound, KeepOutcome, Outcome
from vareon_runtime.age import in_time
from vareon_runtime.clock import Clock
from vareon_runtime.envelope import FINGERPRINT
from vareon_runtime.errors import (
    IdReused,
    InvalidMessage,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    StillRunning,
)
from vareon_runtime.identity import MessageId, Principal, derived_id
from web.body_bytes import read_bytes
from web.caller import caller_of
from web.found import Found
from web.keyed import Keyed, KeyedBus, serving
from web.lasting import Lasting
from web.routes import CHANGING, PUBLIC, Handler, Route

HEADER = "Idempotency-Key"
LARGEST_OUTCOME = 64 * 1024
"""Bytes of an answer that are kept as they are; a larger one is read again."""
_KEY = re.compile(r"[\x20-\x7e]{1,200}")


class KeyedRequests:
    """See the module.

    Args:
        bus: Asks under derived ids while a keyed request is served.
        clock: Tells how old a key is that carries its time.
        secret: Keys the fingerprints: nobody can try passwords against what the inbox keeps.
        lasting: Brings a request to its end, so that its outcome is kept, though its client left.
    """

    def __init__(self, bus: KeyedBus, clock: Clock, secret: bytes, lasting: Lasting) -> None:
        self._bus = bus
        self._clock = clock
        self._secret = secret[:64]
        self._lasting = lasting
        self._running: dict[str, bytes] = {}

    async def answer(
        self, request: aiohttp_web.Request, route: Route, handler: Handler
    ) -> aiohttp_web.StreamResponse:
        """The handler's answer, or the one that was given first.

        Raises:
            InvalidMessage: If the key is not one.
            Expired: If it carries its time, and that is over or still to come.
            IdReused: If it was used for another body.
            StillRunning: If the first request has not ended.
        """
        if (
            HEADER not in request.headers
            or request.method not in CHANGING
            or route.permission == PUBLIC
        ):
            return await handler(request)
        principal = caller_of(request).principal
        key = key_of(request, self._clock.time())
        path = request.path.rstrip("/")
        name = derived_id("http", principal.user_id, route.method, route.path, path, key).hex()
        fingerprint = self._fingerprint(request, await read_bytes(request))
        running = self._running.get(name)
        if running is not None and running != fingerprint:
            raise IdReused("This key was used for another request; choose a new one.")
        if running is not None:
            raise StillRunning("The first request with this key is still running; ask again.", 1.0)
        self._running[name] = fingerprint
        try:
            if route.one_ask:
                with serving(Keyed(name, fingerprint, repeated=False)):
                    return await handler(request)
            work = self._remembered(request, handler, principal, name, fingerprint)
            # What waits for a model is not waited for without a client: a repeat goes on with it.
            return await (work if route.waits else self._lasting.to_its_end(work))
        finally:
            del self._running[name]

    async def _remembered(
        self,
        request: aiohttp_web.Request,
        handler: Handler,
        principal: Principal,
        name: str,
        fingerprint: bytes,
    ) -> aiohttp_web.StreamResponse:
        attempt = secrets.token_bytes(16)
        first = await self._bus.ask(
            names.user(principal.user_id),
            BeginKeyed(attempt),
            principal=principal,
            message_id=derived_id(name, "begin"),
            fingerprint=fingerprint,
        )
        repeated = first != attempt
        streams = "text/event-stream" in request.headers.get("Accept", "")
        kept_id = derived_id(name, "outcome")
        if repeated and not streams:
            with contextlib.suppress(NotFound):
                return _as_kept(await self._kept(principal, kept_id, fingerprint, None))
        found_id = derived_id(name, "found")
        keep = partial(self._keep_found, principal, found_id, fingerprint)
        first_found = b""
        if repeated:
            with contextlib.suppress(NotFound):
                first_found = await self._found(principal, found_id, fingerprint, None)
        found = Found(first_found)
        with serving(Keyed(name, fingerprint, repeated=repeated, found=found, keep=keep)):
            response = await handler(request)
        outcome = _outcome(response)
        if outcome is None:
            return response
        # Whoever has just closed the account has nobody left to remember it.
        with contextlib.suppress(OutcomeUnknown, Overloaded, NotFound):
            return _as_kept(await self._kept(principal, kept_id, fingerprint, outcome))
        return response

    async def _keep_found(
        self, principal: Principal, found_id: MessageId, fingerprint: bytes, found: bytes
    ) -> None:
        if await self._found(principal, found_id, fingerprint, found) != found:
            raise StillRunning("Another door runs the request with this key; ask again.", 1.0)

    async def _found(
        self, principal: Principal, found_id: MessageId, fingerprint: bytes, found: bytes | None
    ) -> bytes:
        return await self._bus.ask(
            names.user(principal.user_id),
            KeepFound(found),
            principal=principal,
            message_id=found_id,
            fingerprint=fingerprint,
        )

    async def _kept(
        self,
        principal: Principal,
        kept_id: MessageId,
        fingerprint: bytes,
        outcome: Outcome | None,
    ) -> Outcome:
        return await self._bus.ask(
            names.user(principal.user_id),
            KeepOutcome(outcome),
            principal=principal,
            message_id=kept_id,
            fingerprint=fingerprint,
        )

    def _fingerprint(self, request: aiohttp_web.Request, body: bytes) -> bytes:
        found = blake2b(key=self._secret, digest_size=FINGERPRINT)
        found.update(request.query_string.encode() + b"\0" + body)
        for condition in ("If-Match", "If-None-Match"):
            if condition in request.headers:
                found.update(f"\0{request.headers.getall(condition)}".encode())
        return found.digest()


def key_of(request: aiohttp_web.Request, now_s: float) -> str:
    """The caller's key.

    Raises:
        InvalidMessage: If it is not 1 to 200 printable ASCII characters.
        Expired: If it carries its time (UUIDv7), which is no better than that of any other id.
    """
    found = request.headers.getall(HEADER)
    if len(found) != 1 or not _KEY.fullmatch(found[0]):
        raise _invalid("one key of 1 to 200 printable ASCII characters is expected")
    key = found[0]
    with contextlib.suppress(ValueError):
        in_time(uuid.UUID(key).bytes, now_s, "key")
    return key


def _invalid(message: str) -> InvalidMessage:
    return InvalidMessage(
        f"'{HEADER}' is not valid: {message}.",
        errors=({"loc": ["header", HEADER], "message": message},),
    )


def _outcome(response: aiohttp_web.StreamResponse) -> Outcome | None:
    """An answer as it is kept; None for refusals, streams and what is too large."""
    if response.prepared or not isinstance(response, aiohttp_web.Response):
        return None
    body = response.body or b""
    if not 200 <= response.status < 300 or not isinstance(body, bytes):
        return None
    return Outcome(response.status, body) if len(body) <= LARGEST_OUTCOME else None


def _as_kept(outcome: Outcome) -> aiohttp_web.Response:
    return aiohttp_web.Response(
        body=outcome.body, status=outcome.status, content_type="application/json"
    )
