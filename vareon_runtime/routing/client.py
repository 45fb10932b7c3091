"""The message bus over a link: asks with retries, subscriptions that survive.

One id, many sends: a request whose outcome became unknown, because a host or the router went
away, is sent again under the same id until its deadline; the receiver's inbox makes that safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from vareon_runtime import codec, envelope
from vareon_runtime.clock import Clock, SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.envelope import NO_SPAN, Kind, Request, Wait, hops, pack_request
from vareon_runtime.errors import DeadlineExceeded, InvalidMessage, Overloaded, Unavailable
from vareon_runtime.identity import EntityId, IdSource, MessageId, Principal, seeded_ids
from vareon_runtime.message import Position, reply_type
from vareon_runtime.message import Request as RequestMessage
from vareon_runtime.placement import shard_of
from vareon_runtime.routing.asks import Ask, Asks
from vareon_runtime.routing.link import BODY_LIMIT, Link, Outlet, Wire
from vareon_runtime.routing.router import Claim, Hello
from vareon_runtime.routing.subscription import LinkSubscription
from vareon_runtime.routing.unix import dial
from vareon_runtime.telemetry import failure

R = TypeVar("R")
Dial = Callable[[], Awaitable[Wire]]
Loopback = Callable[[Outlet, int, int, int, bytes], bool]
"""Takes a request that this process itself owns: outlet, flags, shard, correlation, payload."""
Incoming = Callable[[Outlet, int, int, int, bytes], None]
"""Takes what is asked of this process: outlet, kind, flags, correlation, payload."""

RETRY_FIRST_S = 0.02
RETRY_LONGEST_S = 0.5
SWEEP_S = 0.1


class LinkBus:
    """Keeps one link to the node's router, and asks over it."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        role: str = "client",
        *,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        connect: Dial | None = None,
        incarnation: str = "",
        incoming: Incoming | None = None,
        loopback: Loopback | None = None,
        claim: Callable[[], Claim] | None = None,
        link_lost: Callable[[Link], None] | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.ids = ids or seeded_ids(self.clock)
        self._connect = connect or (lambda: dial(settings.router_socket))
        self._hello = Hello(role, name, os.getpid(), incarnation)
        self._claim = claim
        self._incoming = incoming
        self._loopback = loopback
        self._link_lost = link_lost
        self.closed = False
        self._link: Link | None = None
        self._up = asyncio.Event()
        self._asks = Asks()
        self._streams: dict[int, LinkSubscription] = {}
        self._next = 1
        self._running: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether there is a link right now."""
        return self._link is not None

    async def start(self) -> None:
        """Begin to connect; reconnects for ever."""
        self._running = [
            asyncio.create_task(self._keep_connected()),
            asyncio.create_task(self._sweep()),
        ]

    async def stop(self) -> None:
        """Hang up; whoever still waits hears `Unavailable`."""
        if self._link is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._link.flush()
        await self.cut()

    async def cut(self) -> None:
        """Hang up without sending what is queued."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._lost()

    async def ask(
        self,
        target: EntityId,
        message: RequestMessage[R],
        *,
        principal: Principal | None = None,
        message_id: MessageId | None = None,
        timeout_s: float = 10.0,
        trace_id: bytes | None = None,
        span_id: bytes = NO_SPAN,
        waits: tuple[Wait, ...] = (),
        fingerprint: bytes = b"",
        expected: int | None = None,
    ) -> R:
        """See `MessageBus.ask`; it may be keyed or guarded, see `envelope.KEYED` and `GUARDED`."""
        flags, before = envelope.prefix(fingerprint, expected)
        payload = await self._ask(
            target,
            type(message).__name__,
            before + codec.encode(message),
            flags,
            principal,
            message_id,
            timeout_s,
            trace_id,
            span_id,
            waits,
        )
        reply: R = codec.decode(reply_type(type(message)), payload)
        return reply

    async def ask_json(
        self,
        target: EntityId,
        message_name: str,
        body: bytes,
        *,
        principal: Principal,
        message_id: MessageId | None = None,
        timeout_s: float = 10.0,
        trace_id: bytes | None = None,
        span_id: bytes = NO_SPAN,
        fingerprint: bytes = b"",
        expected: int | None = None,
    ) -> bytes:
        """See `MessageBus.ask_json`; it may be keyed or guarded, as for `ask`."""
        flags, before = envelope.prefix(fingerprint, expected)
        flags |= envelope.JSON_BODY
        return await self._ask(
            target,
            message_name,
            before + body,
            flags,
            principal,
            message_id,
            timeout_s,
            trace_id,
            span_id,
        )

    async def deliver(self, request: Request, timeout_s: float) -> tuple[int, bytes]:
        """Bring a one-way message to its receiver once: the kind of the answer, and its payload."""
        deadline = self.clock.monotonic() + timeout_s
        payload = pack_request(request)
        return await self._once(
            Kind.REQUEST, envelope.SENT, shard_of(request.target), payload, deadline
        )

    def subscribe(
        self,
        target: EntityId,
        *,
        principal: Principal | None = None,
        position: Position | None = None,
        trace_id: bytes | None = None,
        span_id: bytes = NO_SPAN,
    ) -> LinkSubscription:
        """See `MessageBus.subscribe`."""
        return LinkSubscription(self, target, principal, position, trace_id, span_id)

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        """Go through the router to a host and back.

        Raises:
            Unavailable: If that fails within the time.
        """
        return await self._control(Kind.PROBE, timeout_s)

    async def router_status(self, timeout_s: float = 2.0, about: bytes = b"") -> dict[str, Any]:
        """The router's links and counters, and what it passed on of a message or a trace."""
        return await self._control(Kind.STATUS, timeout_s, body=about)

    async def ask_host(
        self, kind: int, shard: int, body: bytes = b"", timeout_s: float = 2.0
    ) -> dict[str, Any]:
        """Ask the host of a shard about itself: its counters, or what it has in memory.

        Raises:
            Unavailable: If that fails within the time.
        """
        return await self._control(kind, timeout_s, shard, body)

    def send_item(self, kind: int, flags: int, shard: int, correlation: int, body: bytes) -> bool:
        """Queue one item; False if there is no link or no room."""
        link = self._link
        if link is None:
            return False
        reserved = kind != Kind.REQUEST
        return link.send(envelope.item(kind, flags, shard, 0, correlation, body), reserved=reserved)

    def announce(self) -> None:
        """Tell the router which shards this host owns now."""
        if self._claim is not None:
            self.send_item(Kind.CLAIM, 0, 0, 0, msgspec.msgpack.encode(self._claim()))

    def open_stream(self, subscription: LinkSubscription) -> int:
        """Give a subscription its correlation."""
        correlation = self._next
        self._next += 1
        self._streams[correlation] = subscription
        return correlation

    def close_stream(self, correlation: int) -> None:
        """Forget a subscription and tell its host."""
        if self._streams.pop(correlation, None) is not None:
            self.send_item(Kind.CANCEL, 0, 0, correlation, b"")

    async def wait_connected(self, timeout_s: float) -> bool:
        """Whether there is a link within so many seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    async def _ask(
        self,
        target: EntityId,
        name: str,
        body: bytes,
        flags: int,
        principal: Principal | None,
        message_id: MessageId | None,
        timeout_s: float,
        trace_id: bytes | None,
        span_id: bytes = NO_SPAN,
        waits: tuple[Wait, ...] = (),
    ) -> bytes:
        now = self.clock.monotonic()
        message_id = message_id or self.ids.message_id()
        trace_id = trace_id or message_id
        payload = pack_request(
            Request(target, name, message_id, principal, timeout_s, trace_id, span_id, body, waits)
        )
        shard = shard_of(target)
        deadline = now + timeout_s
        wait_s = RETRY_FIRST_S
        while True:
            kind, answer = await self._once(Kind.REQUEST, flags, shard, payload, deadline)
            if kind == Kind.REPLY:
                return answer
            error = codec.decode_error(answer)
            if not isinstance(error, Unavailable):
                raise error
            if self.clock.monotonic() + wait_s >= deadline:
                raise DeadlineExceeded(
                    f"No outcome within {timeout_s:g} s: {error.detail.rstrip('.')}; "
                    "sending the same id again is safe."
                )
            await self.clock.sleep(wait_s)
            wait_s = min(RETRY_LONGEST_S, wait_s * 2)
            flags |= envelope.RESENT
            payload = envelope.with_time_left(payload, deadline - self.clock.monotonic())

    async def _once(
        self, kind: int, flags: int, shard: int, payload: bytes, deadline: float
    ) -> tuple[int, bytes]:
        if len(payload) > BODY_LIMIT:
            raise InvalidMessage(f"A message has at most {BODY_LIMIT:,} bytes; send it in parts.")
        correlation = self._next
        self._next += 1
        ask = self._asks.begin(correlation, deadline)
        try:
            if not self._pass_on(ask, kind, flags, shard, correlation, payload):
                if self._link is None or self._link.closed:
                    return Kind.ERROR, codec.encode_error(Unavailable("The router is restarting."))
                raise Overloaded("The queue to the router is full; try again.", 1.0)
            return await ask.answer
        except asyncio.CancelledError:
            self._hang_up(ask, correlation)
            raise
        finally:
            self._asks.end(correlation)

    def _pass_on(
        self, ask: Ask, kind: int, flags: int, shard: int, correlation: int, body: bytes
    ) -> bool:
        """To the router, unless this process owns the target: then no other need wake for it."""
        loopback = self._loopback if kind == Kind.REQUEST else None
        if loopback is not None and loopback(self, flags, shard, correlation, body):
            ask.local = True
            return True
        return self.send_item(kind, flags, shard, correlation, body)

    def _hang_up(self, ask: Ask, correlation: int) -> None:
        """Say that nobody waits for this answer any more."""
        if ask.local and self._incoming is not None:
            self._incoming(self, Kind.CANCEL, 0, correlation, b"")
        else:
            self.send_item(Kind.CANCEL, 0, 0, correlation, b"")

    def send(self, item: bytes, *, reserved: bool = False) -> bool:
        """Take an answer that was made in this process; this bus is its own `Outlet`."""
        self._answered(item)
        return True

    async def _control(
        self, kind: int, timeout_s: float, shard: int = 0, body: bytes = b""
    ) -> dict[str, Any]:
        deadline = self.clock.monotonic() + timeout_s
        got, payload = await self._once(kind, 0, shard, body, deadline)
        if got != Kind.REPLY:
            raise Unavailable(codec.decode_error(payload).detail)
        answer: dict[str, Any] = msgspec.msgpack.decode(payload)
        return answer

    async def _keep_connected(self) -> None:
        wait_s = RETRY_FIRST_S
        while True:
            try:
                wire = await self._connect()
            except OSError:
                await self.clock.sleep(wait_s)
                wait_s = min(RETRY_LONGEST_S, wait_s * 2)
                continue
            wait_s = RETRY_FIRST_S
            link = Link(wire)
            claim = self._claim() if self._claim is not None else None
            hello = msgspec.msgpack.encode(msgspec.structs.replace(self._hello, claim=claim))
            link.send(envelope.item(Kind.HELLO, 0, 0, 0, 0, hello))
            try:
                await self._use(link)
            except Exception as error:  # noqa: BLE001 - without a link this process is of no use
                failure("link_failed", error, process=self._hello.name)
                await self.clock.sleep(RETRY_LONGEST_S)

    async def _use(self, link: Link) -> None:
        self._link = link
        self._up.set()
        try:
            await link.run(partial(self._receive, link))
        finally:
            self._link = None
            self._up.clear()
            self._lost()
            if self._link_lost is not None:
                self._link_lost(link)

    def _answered(self, item: bytes) -> None:
        for kind, _flags, _shard, _origin, correlation, start, end in hops(item):
            self._asks.answered(kind, correlation, item[start:end])

    def _receive(self, link: Link, batch: bytes) -> None:
        asks = self._asks
        for kind, flags, _shard, _origin, correlation, start, end in hops(batch):
            if kind in (Kind.REPLY, Kind.ERROR):
                if asks.answered(kind, correlation, batch[start:end]):
                    continue
            elif kind != Kind.FRAME:
                if self._incoming is not None:
                    self._incoming(link, kind, flags, correlation, batch[start:end])
                continue
            stream = self._streams.get(correlation)
            if stream is not None:
                if kind != Kind.FRAME:
                    del self._streams[correlation]
                stream.received(kind, batch[start:end])

    def _lost(self) -> None:
        gone = Unavailable("The link to the router was lost.")
        payload = codec.encode_error(gone)
        self._asks.answer_all(Kind.ERROR, payload)
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.received(Kind.ERROR, payload)

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            self._asks.expire(self.clock.monotonic())
