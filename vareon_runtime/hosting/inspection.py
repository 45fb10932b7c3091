"""What a host tells of its memory: which messages it has handled of late, what waits, what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.hosting.spans import Span, shown, trace_of, trail_of
from vareon_runtime.identity import EntityId

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

TOLD_LIMIT = 500
"""Of each list that a host tells; the newest."""


class Inspect(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked about; one of the three."""

    message_id: bytes = b""
    trace_id: bytes = b""
    entity: str = ""


def answer(host: Host, body: bytes) -> bytes:
    """What the host knows of it, as msgpack.

    Raises:
        msgspec.MsgspecError: If the question cannot be read.
        InvalidMessage: If the entity's address is malformed.
    """
    asked = msgspec.msgpack.decode(body, type=Inspect)
    if asked.entity:
        told = _of_entity(host, EntityId.parse(asked.entity))
    else:
        wanted = asked.message_id or asked.trace_id
        spans = host.spans.of_message(wanted) if asked.message_id else host.spans.of_trace(wanted)
        told = {
            "spans": _told(spans),
            "effects": [
                _effect(effect) for effect in host.effects.under_way() if _concerns(effect, asked)
            ][-TOLD_LIMIT:],
            "waiting": _waiting(host, asked),
        }
    return msgspec.msgpack.encode({"host": host.name, "epoch": host.ownership.epoch, **told})


def _of_entity(host: Host, target: EntityId) -> dict[str, Any]:
    effects = [_effect(one) for one in host.effects.under_way() if one.target == target]
    told: dict[str, Any] = {
        "spans": _told(host.spans.of_entity(target)),
        "effects": effects[-TOLD_LIMIT:],
        "active": False,
    }
    activation = host.catalog.find(target)
    if activation is not None:
        running = activation.running is not None and activation.turn_began
        now = host.clock.monotonic()
        told |= {
            "active": True,
            "mailbox": len(activation.mailbox or ()),
            "uncommitted": activation.uncommitted,
            "running_s": now - activation.turn_began if running else None,
            "idle_s": 0.0 if running else max(0.0, now - activation.last_used),
        }
    return told


def _concerns(effect: RunningEffect, asked: Inspect) -> bool:
    if asked.trace_id:
        return effect.call.trace_id == asked.trace_id
    return asked.message_id in (effect.record.effect_id, effect.call.message_id)


def _waiting(host: Host, asked: Inspect) -> list[dict[str, Any]]:
    """Messages in mailboxes, and those whose turns run."""
    found = []
    for activation in host.catalog:
        for place, delivery in enumerate(activation.in_hand()):
            if asked.message_id == delivery.message_id or asked.trace_id == trace_of(delivery):
                trail = trail_of(activation, delivery)
                found.append(
                    {
                        "message_id": delivery.message_id,
                        "trace_id": trace_of(delivery),
                        "kind": activation.target.kind,
                        "key": activation.target.key,
                        "before": place,
                        "name": trail.name,
                        "source": int(trail.source),
                        "parent": trail.parent,
                        "user": trail.user,
                        "sender": trail.sender,
                    }
                )
    return found[:TOLD_LIMIT]


def _told(spans: list[Span]) -> list[dict[str, Any]]:
    return [shown(span) for span in spans[-TOLD_LIMIT:]]


def _effect(effect: RunningEffect) -> dict[str, Any]:
    record, call = effect.record, effect.call
    return {
        "effect_id": record.effect_id,
        "kind": record.target.kind,
        "key": record.target.key,
        "name": record.name,
        "attempts": record.attempts,
        "message_id": call.message_id,
        "trace_id": call.trace_id,
        "user": call.principal.user_id if call.principal else "",
    }
