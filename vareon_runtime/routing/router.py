"""Cognisys: dispatches every envelope between the processes of a node.

Invariant: a request that was passed on is answered exactly once to the link it came from, by its
host's reply or, if that host's link is lost, by an ``unavailable`` error in its place. So callers
never wait for the dead, and because every request holds an id, they may ask again. A subscription
alone may end without an answer: when its reader leaves.

It reads hop headers and never a body; it never waits: what cannot be queued is refused at once,
and the answers of what was admitted always find room, because admissions are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from vareon_runtime import envelope
from vareon_runtime.clock import Clock
from vareon_runtime.codec import encode_error
from vareon_runtime.envelope import HOP, Hop, Kind, hops
from vareon_runtime.errors import (
    InvalidMessage,
    NotPermitted,
    Overloaded,
    Unavailable,
    VareonError,
)
from vareon_runtime.identity import SHARDS
from vareon_runtime.memory_use import memory_bytes
from vareon_runtime.placement import from_bitmap
from vareon_runtime.routing.link import Link
from vareon_runtime.routing.meter import Meter
from vareon_runtime.routing.shares import Shares

CORRELATION_BITS = 40
"""What a peer may number its requests with: at 100,000 a second they last for 120 days."""
IN_FLIGHT_LIMIT = 20_000
"""Requests one link may have unanswered, subscriptions included."""


HOST_LIMIT = 40_000
"""Requests from outside that one host may have unanswered, shared fairly by their principals."""


class Claim(msgspec.Struct, frozen=True):
    """The shards a host owns, as a bitmap, and the epoch at which it took the last of them."""

    shards: bytes
    epoch: int


class Hello(msgspec.Struct, frozen=True):
    """How a process introduces itself on a new link.

    Attributes:
        role: ``host``, ``front_door`` or ``client``. The first two are believed about principals.
        name: Its actor's name.
        pid: Its process.
        incarnation: Names this life of it.
        claim: What a host owns already; see `Claim`.
    """

    role: str
    name: str
    pid: int
    incarnation: str = ""
    claim: Claim | None = None


class Peer:
    """A process at the other end of one of the router's links."""

    def __init__(self, number: int, link: Link, hello: Hello) -> None:
        self.number = number
        self.link = link
        self.hello = hello
        self.trusted = hello.role in ("front_door", "host")
        self.in_flight = 0
        self.received = 0
        self.claim = hello.claim if hello.role == "host" else None
        self.base = (number % (1 << 24)) << CORRELATION_BITS
        """With a correlation of this peer's it makes ours, so that none need be looked up."""
        self.shares: Shares[bytes | int] = Shares(HOST_LIMIT)
        """What a host has under way for whom; what hosts ask each other is not counted."""


class Pending:
    """A request that was passed on and is not answered yet."""

    __slots__ = ("asker", "correlation", "host", "is_stream", "sent_at", "who")

    def __init__(
        self,
        asker: Peer,
        correlation: int,
        host: Peer,
        sent_at: float,
        is_stream: bool,
        who: bytes | int | None,
    ) -> None:
        self.asker = asker
        self.correlation = correlation
        self.host = host
        self.sent_at = sent_at
        self.is_stream = is_stream
        self.who = who


class Router:
    """The dispatcher of one node."""

    def __init__(self, clock: Clock, name: str = "cognisys-router") -> None:
        self._clock = clock
        self.name = name
        self.meter = Meter()
        self._peers: dict[int, Peer] = {}
        self._owners: list[Peer | None] = [None] * SHARDS
        self._pending: dict[int, Pending] = {}
        self._next_peer = 1
        self._handle: dict[int, Callable[[Peer, bytes, Hop, float], None]] = {
            Kind.REQUEST: self._request,
            Kind.REPLY: self._answer,
            Kind.ERROR: self._answer,
            Kind.FRAME: self._frame,
            Kind.CREDIT: self._follow,
            Kind.CANCEL: self._follow,
            Kind.PROBE: self._request,
            Kind.INSPECT: self._inspect,
            Kind.STATUS: self._status,
            Kind.CLAIM: self._claim,
        }

    def attach(self, link: Link, hello: Hello) -> Peer:
        """Begin to serve a link; a host's shards come with it."""
        peer = Peer(self._next_peer, link, hello)
        self._next_peer += 1
        self._peers[peer.number] = peer
        if hello.role == "host":
            self._place()
        return peer

    def detach(self, peer: Peer) -> None:
        """Forget a link; whoever waits for it hears so at once."""
        self._peers.pop(peer.number, None)
        if peer.hello.role == "host":
            self._place()
            lost = encode_error(Unavailable("The host of this entity is restarting.", 0.2))
            for hop_id in [h for h, p in self._pending.items() if p.host is peer]:
                self._finish(self._pending.pop(hop_id), Kind.ERROR, lost)
        for hop_id in [h for h, p in self._pending.items() if p.asker is peer]:
            pending = self._pending.pop(hop_id)
            self._give_back(pending)
            self._pass(pending.host, Kind.CANCEL, hop_id, b"")

    def receive(self, peer: Peer, batch: bytes) -> None:
        """Dispatch a batch that came over a peer's link."""
        now = self._clock.monotonic()
        found = hops(batch)
        self.meter.envelopes += len(found)
        peer.received += len(found)
        handle = self._handle
        for hop in found:
            act = handle.get(hop.kind)
            if act is not None:
                act(peer, batch, hop, now)

    def status(self) -> dict[str, Any]:
        """Links, counters and latencies."""
        return {
            "name": self.name,
            "pending": len(self._pending),
            "memory_bytes": memory_bytes(),
            "links": [
                {
                    "name": peer.hello.name,
                    "role": peer.hello.role,
                    "pid": peer.hello.pid,
                    "incarnation": peer.hello.incarnation,
                    "in_flight": peer.in_flight,
                    "received": peer.received,
                    "items_sent": peer.link.items_sent,
                    "batches_sent": peer.link.batches_sent,
                    "queued_bytes": peer.link.queued_bytes,
                }
                for peer in self._peers.values()
            ],
            "hosts": {
                owner.hello.name: shard
                for shard, owner in enumerate(self._owners)
                if owner is not None
            },
            **self.meter.snapshot(),
        }

    def _place(self) -> None:
        """Who owns what, by the hosts' own claims; of two that claim the same, the later one."""
        self._owners = [None] * SHARDS
        claims = [(peer, peer.claim) for peer in self._peers.values() if peer.claim is not None]
        for peer, claim in sorted(claims, key=lambda pair: pair[1].epoch):
            for shard in from_bitmap(claim.shards):
                self._owners[shard] = peer

    def _claim(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        if peer.hello.role == "host":
            peer.claim = msgspec.msgpack.decode(batch[hop.start : hop.end], type=Claim)
            self._place()

    def _request(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        problem, host = self._admit(peer, batch, hop)
        if problem is not None or host is None:
            self._refuse(peer, hop.correlation, problem or Unavailable("No host yet.", 0.1))
            return
        who: bytes | int | None = None
        if hop.kind == Kind.REQUEST and peer.hello.role != "host":
            who = envelope.principal_of(batch, hop.start) or peer.number
            problem = host.shares.refusal(who)
            if problem is not None:
                self._refuse(peer, hop.correlation, problem)
                return
        hop_id = peer.base | hop.correlation
        flags = hop.flags & ~envelope.TRUSTED
        if peer.trusted:
            flags |= envelope.TRUSTED
        payload = batch[hop.start : hop.end]
        head = HOP.pack(len(payload), hop.kind, flags, hop.shard, peer.number, hop_id)
        if not host.link.send(head + payload):
            self._refuse(peer, hop.correlation, _not_taken(host.link))
            return
        is_stream = bool(flags & envelope.STREAM)
        self._pending[hop_id] = Pending(peer, hop.correlation, host, now, is_stream, who)
        if who is not None:
            host.shares.take(who)
        peer.in_flight += 1
        if hop.kind == Kind.REQUEST:
            self.meter.request(
                envelope.target_kind(payload, 0), payload[:16], payload[16:32], peer.number, now
            )

    def _admit(self, peer: Peer, batch: bytes, hop: Hop) -> tuple[VareonError | None, Peer | None]:
        if hop.kind == Kind.REQUEST:
            if hop.end - hop.start < envelope.REQUEST_SIZE:
                return InvalidMessage("The request ends inside its header."), None
            if not peer.trusted and envelope.carries_principal(batch, hop.start):
                return NotPermitted("Only front doors may name a principal."), None
            if hop.flags & envelope.SENT and peer.hello.role != "host":
                return NotPermitted("Only hosts bring what entities send."), None
        if hop.shard >= SHARDS:
            return InvalidMessage("There is no such shard."), None
        if hop.correlation >> CORRELATION_BITS or peer.base | hop.correlation in self._pending:
            return InvalidMessage("A request needs a number of its own, of 40 bits."), None
        if peer.in_flight >= IN_FLIGHT_LIMIT:
            return Overloaded("Too many requests are under way here; try again.", 1.0), None
        host = self._owners[hop.shard]
        if host is None:
            return Unavailable("No host is connected yet.", 0.1), None
        return None, host

    def _answer(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        pending = self._pending.get(hop.correlation)
        if pending is None or pending.host is not peer:
            return
        del self._pending[hop.correlation]
        if not pending.is_stream:
            self.meter.answered(now - pending.sent_at)
        self._finish(pending, hop.kind, batch[hop.start : hop.end])

    def _finish(self, pending: Pending, kind: int, payload: bytes) -> None:
        asker = pending.asker
        asker.in_flight -= 1
        if pending.who is not None:
            pending.host.shares.give(pending.who)
        self._pass(asker, kind, pending.correlation, payload)

    def _give_back(self, pending: Pending) -> None:
        pending.asker.in_flight -= 1
        if pending.who is not None:
            pending.host.shares.give(pending.who)

    def _frame(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        pending = self._pending.get(hop.correlation)
        if pending is not None and pending.host is peer:
            self._pass(pending.asker, Kind.FRAME, pending.correlation, batch[hop.start : hop.end])

    def _follow(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        """What an asker says of a request that was passed on: credit, or that it waits no more."""
        hop_id = peer.base | hop.correlation
        pending = self._pending.get(hop_id)
        if pending is None or pending.asker is not peer:
            return
        self._pass(pending.host, hop.kind, hop_id, batch[hop.start : hop.end])
        if hop.kind == Kind.CANCEL and pending.is_stream:
            # A message is answered all the same; a reader that has left is not.
            del self._pending[hop_id]
            self._give_back(pending)

    def _inspect(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        """What is in a host's memory is nobody's business but that of a front door's operators."""
        if peer.hello.role == "front_door":
            self._request(peer, batch, hop, now)
        else:
            only = NotPermitted("Only front doors may look into hosts.")
            self._refuse(peer, hop.correlation, only)

    def _status(self, peer: Peer, batch: bytes, hop: Hop, now: float) -> None:
        status = self.status()
        if hop.start < hop.end:
            status["passed"] = self._passed(batch[hop.start : hop.end], now)
        self._pass(peer, Kind.REPLY, hop.correlation, msgspec.msgpack.encode(status))

    def _passed(self, wanted: bytes, now: float) -> list[dict[str, Any]]:
        """When a message was passed on, or the messages of a trace, if that is remembered."""
        return [
            {
                "message_id": message_id,
                "kind": kind.decode(),
                "from": peer.hello.name if (peer := self._peers.get(origin)) else "",
                "ago_s": now - at,
            }
            for message_id, trace_id, kind, origin, at in self.meter.recent
            if wanted in (message_id, trace_id)
        ]

    def _refuse(self, peer: Peer, correlation: int, problem: VareonError) -> None:
        self.meter.refuse(problem.code)
        self._pass(peer, Kind.ERROR, correlation, encode_error(problem))

    def _pass(self, peer: Peer, kind: int, correlation: int, payload: bytes) -> None:
        head = HOP.pack(len(payload), kind, 0, 0, 0, correlation)
        peer.link.send(head + payload, reserved=True)


def _not_taken(link: Link) -> VareonError:
    """Why a host's link took no request: a host that has just died is not a full one."""
    if link.closed:
        return Unavailable("This entity's host is gone; ask again.", 0.05)
    return Overloaded("The host's queue is full; try again.", 1.0)
