"""The message with its address, and how it lies on the wire.

A link carries batches; a batch is a run of items; an item is a *hop header* and a payload::

    length u32 · kind u8 · flags u8 · shard u16 · origin u32 · correlation u64 | payload

The router reads hop headers, rewrites origin and correlation, and copies payloads unread, so a
body is encoded once and decoded once however many processes lie between. A request's payload
begins with its own fixed header (ids, trace, deadline, lengths of the names that follow).
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from vareon_runtime.identity import EntityId, Principal

HOP = struct.Struct("<IBBHIQ")
HOP_SIZE = HOP.size
REQUEST = struct.Struct("<16s16s8sdBHBHH")
REQUEST_SIZE = REQUEST.size
WAIT_HEAD = struct.Struct("<16sH")
_WITHIN = struct.Struct("<d")
_WITHIN_AT = 40
SENT_HEAD = struct.Struct("<QQBH")

NO_TRACE = bytes(16)
NO_SPAN = bytes(8)


class Kind(IntEnum):
    """What an item is."""

    REQUEST = 1
    REPLY = 2
    ERROR = 3
    FRAME = 4
    CREDIT = 5
    CANCEL = 6
    PROBE = 7
    STATUS = 8
    HELLO = 9
    CLAIM = 10
    INSPECT = 11


JSON_BODY = 1
"""Flag: body and reply are JSON; only exposed kinds take it."""
STREAM = 2
"""Flag: a subscription; frames come before the reply."""
RESENT = 4
"""Flag: sent before with an unknown outcome."""
TRUSTED = 8
"""Flag: set by the router alone, for links whose principal is believed."""

SENT = 16
"""Flag: a one-way message of an entity; only hosts may set it. Its body begins with the sender."""
KEYED = 32
"""Flag: asked under a key of an outside caller. The body begins with `FINGERPRINT` bytes that stand
for what that caller sent; a repeat while the first is under way is refused, not kept waiting."""
FINGERPRINT = 8
GUARDED = 64
"""Flag: only if the entity's state still has this version, eight bytes before the body. A repeat of
what was handled is answered all the same."""
PREFIXED = KEYED | GUARDED
_VERSION = struct.Struct("<Q")


class Sent(NamedTuple):
    """The body of a one-way message, with who sent it.

    Attributes:
        number: Counts the sender's messages to this receiver.
        behind: The number of the one that has to be handled before; 0 if all before are settled.
    """

    sender: EntityId
    number: int
    behind: int
    body: bytes


class Wait(NamedTuple):
    """An entity that cannot answer a message before another message has been answered."""

    entity: EntityId
    message_id: bytes


class Request(NamedTuple):
    """A request as its receiver sees it.

    Attributes:
        within_s: Seconds that the caller still waited when it sent this. A duration, because no
            two machines agree on what time it is.
        waits: Who waits for the answer, directly or through others; see `Wait`.
        fingerprint: For a keyed one: stands for its content where repeats are compared.
        expected: For a guarded one: the version of the state that it is meant for.
    """

    target: EntityId
    name: str
    message_id: bytes
    principal: Principal | None
    within_s: float
    trace_id: bytes
    span_id: bytes
    body: bytes
    waits: tuple[Wait, ...] = ()
    fingerprint: bytes = b""
    expected: int | None = None


class Hop(NamedTuple):
    """One item of a batch, with its payload's bounds."""

    kind: int
    flags: int
    shard: int
    origin: int
    correlation: int
    start: int
    end: int


def item(kind: int, flags: int, shard: int, origin: int, correlation: int, payload: bytes) -> bytes:
    """An item ready for a link."""
    return HOP.pack(len(payload), kind, flags, shard, origin, correlation) + payload


def hops(batch: bytes) -> list[Hop]:
    """Every item of a batch.

    Raises:
        ValueError: If the batch ends inside an item.
    """
    found = []
    at, size = 0, len(batch)
    unpack = HOP.unpack_from
    while at < size:
        if size - at < HOP_SIZE:
            raise ValueError("a batch ends inside a hop header")
        length, kind, flags, shard, origin, correlation = unpack(batch, at)
        start = at + HOP_SIZE
        at = start + length
        if at > size:
            raise ValueError("a batch ends inside an item")
        found.append(Hop(kind, flags, shard, origin, correlation, start, at))
    return found


def with_time_left(payload: bytes, within_s: float) -> bytes:
    """A packed request as it is sent once more, later."""
    return payload[:_WITHIN_AT] + _WITHIN.pack(within_s) + payload[_WITHIN_AT + _WITHIN.size :]


def pack_request(request: Request) -> bytes:
    """A request's payload."""
    kind = request.target.kind.encode()
    key = request.target.key.encode()
    name = request.name.encode()
    principal = pack_principal(request.principal)
    waits = pack_waits(request.waits)
    head = REQUEST.pack(
        request.message_id,
        request.trace_id,
        request.span_id,
        request.within_s,
        len(kind),
        len(key),
        len(name),
        len(principal),
        len(waits),
    )
    return b"".join((head, kind, key, name, principal, waits, request.body))


def unpack_request(payload: bytes) -> Request:
    """The request in a payload.

    Raises:
        ValueError: If it is too short or not text where text belongs.
    """
    if len(payload) < REQUEST_SIZE:
        raise ValueError("a request ends inside its header")
    head = REQUEST.unpack_from(payload)
    message_id, trace, span, deadline, n_kind, n_key, n_name, n_principal, n_waits = head
    key_at = REQUEST_SIZE + n_kind
    name_at = key_at + n_key
    principal_at = name_at + n_name
    waits_at = principal_at + n_principal
    body_at = waits_at + n_waits
    target = EntityId(payload[REQUEST_SIZE:key_at].decode(), payload[key_at:name_at].decode())
    principal = unpack_principal(payload[principal_at:waits_at]) if n_principal else None
    return Request(
        target,
        payload[name_at:principal_at].decode(),
        message_id,
        principal,
        deadline,
        trace,
        span,
        payload[body_at:],
        unpack_waits(payload[waits_at:body_at]) if n_waits else (),
    )


def pack_waits(waits: tuple[Wait, ...]) -> bytes:
    """A chain of waits as bytes; none is empty."""
    parts = []
    for (kind, key), message_id in waits:
        address = f"{kind}/{key}".encode()
        parts.append(WAIT_HEAD.pack(message_id, len(address)) + address)
    return b"".join(parts)


def unpack_waits(raw: bytes) -> tuple[Wait, ...]:
    """What `pack_waits` wrote.

    Raises:
        ValueError: If it ends inside a wait.
    """
    found, at = [], 0
    while at < len(raw):
        if len(raw) - at < WAIT_HEAD.size:
            raise ValueError("a chain of waits ends inside a wait")
        message_id, length = WAIT_HEAD.unpack_from(raw, at)
        at += WAIT_HEAD.size
        kind, _, key = raw[at : at + length].decode().partition("/")
        found.append(Wait(EntityId(kind, key), message_id))
        at += length
    return tuple(found)


def prefix(fingerprint: bytes, expected: int | None) -> tuple[int, bytes]:
    """The flags, and what comes before the body, of a keyed or guarded request."""
    flags, before = (KEYED, fingerprint) if fingerprint else (0, b"")
    if expected is None:
        return flags, before
    return flags | GUARDED, before + _VERSION.pack(expected)


def opened(request: Request, flags: int) -> Request:
    """A keyed or guarded request, what came before its body taken off it.

    Raises:
        ValueError: If it lacks that, or a keyed one comes from a link that is not believed.
    """
    body, fingerprint, expected = request.body, b"", None
    if flags & KEYED:
        if not flags & TRUSTED or len(body) < FINGERPRINT:
            raise ValueError("a keyed request comes from a front door, with a fingerprint")
        fingerprint, body = body[:FINGERPRINT], body[FINGERPRINT:]
    if flags & GUARDED:
        if len(body) < _VERSION.size:
            raise ValueError("a guarded request comes with a version")
        (expected,) = _VERSION.unpack_from(body)
        body = body[_VERSION.size :]
    return request._replace(body=body, fingerprint=fingerprint, expected=expected)


def pack_sent(sent: Sent) -> bytes:
    """The body of a one-way message."""
    kind, key = sent.sender.kind.encode(), sent.sender.key.encode()
    head = SENT_HEAD.pack(sent.number, sent.behind, len(kind), len(key))
    return b"".join((head, kind, key, sent.body))


def unpack_sent(body: bytes) -> Sent:
    """What `pack_sent` wrote.

    Raises:
        ValueError: If it is too short or not text where text belongs.
    """
    if len(body) < SENT_HEAD.size:
        raise ValueError("a sent message ends inside its header")
    number, behind, n_kind, n_key = SENT_HEAD.unpack_from(body)
    key_at = SENT_HEAD.size + n_kind
    body_at = key_at + n_key
    sender = EntityId(body[SENT_HEAD.size : key_at].decode(), body[key_at:body_at].decode())
    return Sent(sender, number, behind, body[body_at:])


def target_kind(batch: bytes, start: int) -> bytes:
    """The kind a request is addressed to, for the router's meters."""
    at = start + REQUEST_SIZE
    return batch[at : at + batch[start + 48]]


def principal_of(batch: bytes, start: int) -> bytes:
    """The principal of a request as it is packed; empty without one."""
    _, _, _, _, n_kind, n_key, n_name, n_principal = REQUEST.unpack_from(batch, start)[:8]
    at = start + REQUEST_SIZE + n_kind + n_key + n_name
    return batch[at : at + n_principal]


def carries_principal(batch: bytes, start: int) -> bool:
    """Whether a request claims to be sent for somebody."""
    return batch[start + 52] != 0 or batch[start + 53] != 0


def pack_principal(principal: Principal | None) -> bytes:
    """A principal as bytes; nobody is empty."""
    if principal is None:
        return b""
    return "\x1f".join((principal.user_id, *principal.roles)).encode()


def unpack_principal(raw: bytes) -> Principal:
    """The principal that `pack_principal` wrote."""
    user_id, *roles = raw.decode().split("\x1f")
    return Principal(user_id, tuple(roles))
