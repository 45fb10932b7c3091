"""What a message leaves of its way: who sent it, how long it waited, how long it ran.

A message is a span: its trace is the envelope's, its span id the last half of its own id, and its
parent the span of the turn that sent it. A durable message keeps its trail beside its reply, so
the trail is one short blob and costs a commit as little as possible.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from vareon_runtime.identity import MessageId

SPAN_SIZE = 8
_HEAD = struct.Struct("<8sBBdffIBBBB")
_NAME_BYTES = 255
_REMARK_BYTES = 500
_ATTEMPTS_LIMIT = 255
_EPOCH_LIMIT = 0xFFFFFFFF


class Source(IntEnum):
    """What brought a message."""

    ASK = 1
    SEND = 2
    REMINDER = 3
    EFFECT = 4
    """The end of an effect or flow; it ran for as long as that took."""
    STREAM = 5


class Trail(NamedTuple):
    """See the module.

    Attributes:
        parent: The span of the turn that sent it; zeros if it came from outside.
        attempts: Which try this was, as far as its receiver knows.
        began_s: When its turn, or the effect, began; epoch seconds.
        waited_s: How long it lay in the mailbox; a reminder's tick, how late it came.
        ran_s: How long its turn, or the effect, took.
        epoch: Of the host that handled it.
        user: Whose message it was; empty for nobody's.
        sender: The entity that sent it, ``kind/key``; empty for an ask.
        link: The trace in which its reminder was set; empty for anything else.
        remark: Why its handler did what it did, in the handler's own words.
    """

    parent: bytes
    source: int
    attempts: int
    began_s: float
    waited_s: float
    ran_s: float
    epoch: int
    name: str
    user: str = ""
    sender: str = ""
    link: bytes = b""
    remark: str = ""


def span_of(message_id: MessageId) -> bytes:
    """The span that a message is."""
    return message_id[SPAN_SIZE:]


def traceparent(trace_id: bytes, message_id: MessageId) -> str:
    """What tells another system, by W3C Trace Context, that this message asks it."""
    return f"00-{trace_id.hex()}-{span_of(message_id).hex()}-01"


def pack_trail(trail: Trail) -> bytes:
    """A trail as its row keeps it."""
    parent, source, attempts, began_s, waited_s, ran_s, epoch, *names, link, remark = trail
    name, user, sender = (text.encode()[:_NAME_BYTES] for text in names)
    head = _HEAD.pack(
        parent,
        source,
        min(attempts, _ATTEMPTS_LIMIT),
        began_s,
        waited_s,
        ran_s,
        min(epoch, _EPOCH_LIMIT),
        len(name),
        len(user),
        len(sender),
        len(link),
    )
    return b"".join((head, name, user, sender, link, remark.encode()[:_REMARK_BYTES]))


def unpack_trail(raw: bytes) -> Trail | None:
    """What `pack_trail` wrote; None if that is not what this is."""
    if len(raw) < _HEAD.size:
        return None
    *head, n_name, n_user, n_sender, n_link = _HEAD.unpack_from(raw)
    parts, at = [], _HEAD.size
    for length in (n_name, n_user, n_sender):
        parts.append(raw[at : at + length].decode(errors="replace"))
        at += length
    link, remark = raw[at : at + n_link], raw[at + n_link :].decode(errors="replace")
    parent, source, attempts, began_s, waited_s, ran_s, epoch = head
    name, user, sender = parts
    return Trail(
        parent,
        source,
        attempts,
        began_s,
        waited_s,
        ran_s,
        epoch,
        name,
        user,
        sender,
        link,
        remark,
    )
