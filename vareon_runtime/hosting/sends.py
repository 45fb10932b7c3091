"""One-way messages: numbered and stored by their sender, handled once by their receiver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Table

from vareon_runtime import codec
from vareon_runtime.entity.context import Context
from vareon_runtime.entity.publication import Encoded
from vareon_runtime.envelope import pack_principal
from vareon_runtime.errors import InternalError, Refused, Unavailable, VareonError
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.hosting.delivery import Arrived
from vareon_runtime.hosting.outbox import Outgoing
from vareon_runtime.identity import EntityId, MessageId
from vareon_runtime.message import Message
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Channel, Wanted
from vareon_runtime.storage.tables import ChannelRow
from vareon_runtime.trail import span_of

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

_CHANNELS: Table = ChannelRow.__table__  # type: ignore[assignment]
ATTEMPTS_LIMIT = 5
PAUSE_S = 0.05
PAUSE_LONGEST_S = 2.0


async def channel(activation: Activation, peer: EntityId) -> Channel:
    """How far this entity has got with a peer, turns that are not committed yet included."""
    channels = activation.channels
    if channels is None:
        channels = activation.channels = {}
    found = channels.get(peer)
    if found is None:
        loaded = await activation.host.loader.load(Wanted(activation.target, peers=(peer,)))
        found = channels[peer] = loaded.channels.get(peer, Channel())
    return found


async def number(activation: Activation, context: Context, trace_id: bytes, by: MessageId) -> None:
    """Number what a turn sends, and add the rows that make it durable.

    Args:
        activation: Whose turn it is.
        context: What it wants to send.
        trace_id: The trace that it belongs to.
        by: The message, effect or tick that the turn handles.

    Raises:
        Unavailable: If the numbers cannot be read; the turn must then be undone.
    """
    changes = context.changes
    if not changes.sends:
        return
    principal = pack_principal(context.principal)
    sender = activation.target
    for target, message in changes.sends:
        name, body, other = _encoded(message)
        known = await channel(activation, target)
        following = known.sent + 1
        whose = principal if other is None else other
        message_id = activation.host.services.ids.message_id()
        outgoing = Outgoing(
            message_id, sender, target, following, name, body, whose, trace_id, span_of(by)
        )
        changes.rows.append(_advance(activation, target, replace(known, sent=following)))
        changes.rows.append(outgoing.row())
        changes.outgoing.append(outgoing)


def _encoded(message: Message | Encoded) -> Encoded:
    if isinstance(message, Encoded):
        return message
    return Encoded(type(message).__name__, codec.encode(message))


def handled(activation: Activation, arrived: Arrived, known: Channel) -> RowChange:
    """Note that a number was handled; the row goes into the same commit as what it changed."""
    fresh = (activation.channels or {}).get(arrived.sent.sender, known)
    return _advance(activation, arrived.sent.sender, replace(fresh, handled=arrived.sent.number))


def _advance(activation: Activation, peer: EntityId, to: Channel) -> RowChange:
    if activation.channels is None:
        activation.channels = {}
    activation.channels[peer] = to
    values = {
        "kind": activation.target.kind,
        "key": activation.target.key,
        "peer_kind": peer.kind,
        "peer_key": peer.key,
        "sent": to.sent,
        "handled": to.handled,
    }
    return RowChange("upsert", _CHANNELS, values, {})


def out_of_order(known: Channel, arrived: Arrived) -> Unavailable | None:
    """Why a number cannot be handled now: its predecessor has to come first."""
    if arrived.sent.behind <= known.handled:
        return None
    return Unavailable("An earlier message of this sender has not arrived.", PAUSE_S)


def gives_up(activation: Activation, arrived: Arrived, error: VareonError) -> int | None:
    """After how many attempts a message is set aside; None while it is worth trying again.

    What the entity refuses for good is set aside at once: it would refuse it every time.
    """
    failures = activation.failures
    if failures is None:
        failures = activation.failures = {}
    attempts = failures.get(arrived.request.message_id, 0) + 1
    final = isinstance(error, Refused) and not error.retryable
    if final or attempts >= ATTEMPTS_LIMIT:
        failures.pop(arrived.request.message_id, None)
        return attempts
    if len(failures) > 1_000:
        failures.clear()
    failures[arrived.request.message_id] = attempts
    return None


def pause_s(activation: Activation, arrived: Arrived) -> float:
    """How long its sender should wait before it tries again."""
    attempts = (activation.failures or {}).get(arrived.request.message_id, 1)
    return min(PAUSE_LONGEST_S, PAUSE_S * 2.0**attempts)


def dead_letter(
    activation: Activation, arrived: Arrived, error: VareonError, attempts: int
) -> RowChange:
    """The row that keeps a message which was given up."""
    letter = DeadLetter(
        activation.target,
        arrived.request.message_id,
        "send",
        arrived.request.name,
        arrived.sent.body,
        arrived.principal,
        str(arrived.sent.sender),
        arrived.request.trace_id,
        error,
        attempts,
    )
    return letter.change(activation.host.clock.time())


def unforeseen() -> InternalError:
    """What is kept as the reason when a handler raised something that is no error of ours."""
    return InternalError("The message could not be handled; the log says why.")
