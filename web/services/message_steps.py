"""Messages as the rows and the hosts' memories know them, brought into one shape."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vareon_runtime import codec
from vareon_runtime.clock import utc
from vareon_runtime.envelope import NO_SPAN, unpack_principal
from vareon_runtime.errors import NotFound, VareonError
from vareon_runtime.identity import EntityId, MessageId, as_text, id_time_s
from vareon_runtime.trail import Source, Trail, span_of, unpack_trail
from web.schemas.traces import StepOut

_FAILED = 1
_SOURCES = {source.value: source.name.lower() for source in Source}


class Step(NamedTuple):
    """What is known of one message.

    Attributes:
        state: See `web.schemas.traces.StepOut`.
        trail: None where its row is of an older version, or it has not been handled.
        parent: The span that sent it; zeros if it came from outside.
        user: Whose message it is; empty if that is not known.
        error: What its sender was told, if it failed.
        reply_bytes: How long its answer is; None while there is none.
        handled_at_ms: When its row was last written.
    """

    message_id: MessageId
    trace_id: bytes
    target: EntityId
    state: str
    name: str
    source: str
    trail: Trail | None = None
    parent: bytes = NO_SPAN
    user: str = ""
    sender: str = ""
    attempts: int = 1
    error: VareonError | None = None
    code: str = ""
    reply_bytes: int | None = None
    handled_at_ms: int | None = None

    @property
    def key(self) -> tuple[MessageId, EntityId]:
        """One message may be addressed to one entity only, but rows are kept for each."""
        return self.message_id, self.target

    @property
    def began_s(self) -> float:
        """When it began, or was made."""
        return self.trail.began_s if self.trail else id_time_s(self.message_id)

    def out(self, parent: MessageId | None = None, depth: int = 0) -> StepOut:
        """As it is shown."""
        trail = self.trail
        return StepOut(
            id=as_text(self.message_id),
            parent=as_text(parent) if parent else None,
            depth=depth,
            entity=str(self.target),
            message=self.name,
            source=self.source,
            state=self.state,
            began_at=utc(trail.began_s) if trail else None,
            waited_ms=round(trail.waited_s * 1000, 3) if trail else None,
            ran_ms=round(trail.ran_s * 1000, 3) if trail else None,
            attempts=self.attempts,
            user_id=self.user or None,
            sender=self.sender or None,
            code=self.code or None,
            remark=(trail.remark or None) if trail else None,
        )


def id_of(text: str) -> bytes:
    """The sixteen bytes of an id, with dashes or without.

    Raises:
        NotFound: If it is not one: there can be no message of that name.
    """
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise NotFound(f"'{text[:60]}' is no id: give the 32 hex digits.") from None


def of_inbox(row: Any) -> Step:
    """A message that has a row."""
    trail = unpack_trail(row.trail or b"")
    error = None
    if row.reply is not None and row.reply[:1] == bytes((_FAILED,)):
        error = codec.decode_error(row.reply[1:])
    state = "running" if row.reply is None else "failed" if error else "handled"
    return _of_trail(
        row.message_id,
        row.trace_id or row.message_id,
        EntityId(row.kind, row.key),
        trail,
        state,
    )._replace(
        error=error,
        code=error.code if error else "",
        reply_bytes=None if row.reply is None else max(0, len(row.reply) - 1),
        handled_at_ms=row.handled_at_ms,
    )


def of_outbox(row: Any) -> Step:
    """A sent message that its receiver has not confirmed."""
    return Step(
        row.message_id,
        row.trace_id,
        EntityId(row.to_kind, row.to_key),
        "on_its_way",
        row.name,
        "send",
        parent=row.span_id or NO_SPAN,
        user=_user_of(row.principal),
        sender=f"{row.kind}/{row.key}",
    )


def of_letter(row: Any) -> Step:
    """A message that was given up on."""
    return Step(
        row.id,
        row.trace_id,
        EntityId(row.kind, row.key),
        "set_aside",
        row.name,
        row.source,
        user=_user_of(row.principal),
        sender=row.sender,
        attempts=row.attempts,
        code=row.code,
    )


def of_span(told: Mapping[str, Any]) -> Step:
    """A message that a host remembers."""
    trail = unpack_trail(told["trail"])
    step = _of_trail(
        told["message_id"],
        told["trace_id"],
        EntityId(told["kind"], told["key"]),
        trail,
        "failed" if told["code"] else "handled",
    )
    return step._replace(code=told["code"])


def of_waiting(told: Mapping[str, Any]) -> Step:
    """A message in a mailbox, or one whose turn runs."""
    return Step(
        told["message_id"],
        told["trace_id"],
        EntityId(told["kind"], told["key"]),
        "waiting" if told["before"] else "running",
        told["name"],
        _SOURCES[told["source"]],
        parent=told["parent"],
        user=told["user"],
        sender=told["sender"],
    )


def of_effect(told: Mapping[str, Any]) -> Step:
    """An effect or flow under way."""
    return Step(
        told["effect_id"],
        told["trace_id"],
        EntityId(told["kind"], told["key"]),
        "running",
        told["name"],
        "effect",
        parent=span_of(told["message_id"]),
        user=told["user"],
        attempts=told["attempts"],
    )


def tree(steps: Iterable[Step]) -> list[StepOut]:
    """Each message before those that it led to, in the order in which they began."""
    ordered = sorted(steps, key=lambda step: (step.began_s, step.message_id))
    by_span = {span_of(step.message_id): step for step in ordered}
    below: dict[bytes, list[Step]] = {}
    roots = []
    for step in ordered:
        above = by_span.get(step.parent)
        if above is None or above.message_id == step.message_id:
            roots.append(step)
        else:
            below.setdefault(above.message_id, []).append(step)
    told: list[StepOut] = []
    stack: list[tuple[Step, MessageId | None, int]] = [(r, None, 0) for r in reversed(roots)]
    while stack:
        step, parent, depth = stack.pop()
        told.append(step.out(parent, depth))
        following = below.pop(step.message_id, ())
        stack.extend((one, step.message_id, depth + 1) for one in reversed(following))
    return told


def _of_trail(
    message_id: MessageId, trace_id: bytes, target: EntityId, trail: Trail | None, state: str
) -> Step:
    if trail is None:
        return Step(message_id, trace_id, target, state, "", "")
    return Step(
        message_id,
        trace_id,
        target,
        state,
        trail.name,
        _SOURCES.get(trail.source, ""),
        trail,
        trail.parent,
        trail.user,
        trail.sender,
        trail.attempts,
    )


def _user_of(principal: bytes) -> str:
    return unpack_principal(principal).user_id if principal else ""
