"""What became of a message, or where it is; and the tree of a trace.

Durable messages are known from their rows. Queries, and messages that failed, are remembered by
their hosts for a while and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select, union_all

from vareon_runtime.clock import Clock, utc
from vareon_runtime.errors import NotFound
from vareon_runtime.hosting.inspection import Inspect
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.tables import (
    DeadLetterRow,
    HostRow,
    InboxRow,
    OutboxRow,
    ShardRow,
    SuspectRow,
)
from vareon_runtime.trail import span_of
from web.caller import Caller
from web.schemas.traces import LetterOut, MessageOut, OwnerOut, ReplyOut, TraceOut
from web.services import message_steps, policy
from web.services.accounts import Rows
from web.services.memories import Memories, Memory
from web.services.message_steps import Step
from web.services.paging import AnySelect
from web.services.sentences import sentence

MOST_STEPS = 1_000
MOST_FOLLOWING = 50

_INBOX: AnySelect = select(
    InboxRow.message_id,
    InboxRow.kind,
    InboxRow.key,
    InboxRow.reply,
    InboxRow.handled_at_ms,
    InboxRow.trace_id,
    InboxRow.trail,
)
_OUTBOX: AnySelect = select(
    OutboxRow.message_id,
    OutboxRow.trace_id,
    OutboxRow.span_id,
    OutboxRow.kind,
    OutboxRow.key,
    OutboxRow.to_kind,
    OutboxRow.to_key,
    OutboxRow.number,
    OutboxRow.name,
    OutboxRow.principal,
)
_LETTERS: AnySelect = select(
    DeadLetterRow.id,
    DeadLetterRow.trace_id,
    DeadLetterRow.kind,
    DeadLetterRow.key,
    DeadLetterRow.source,
    DeadLetterRow.name,
    DeadLetterRow.principal,
    DeadLetterRow.sender,
    DeadLetterRow.code,
    DeadLetterRow.reason,
    DeadLetterRow.attempts,
    DeadLetterRow.given_up_at_ms,
)


class Explaining:
    """Answers one question at a time; users are told of their own messages only."""

    def __init__(self, rows: Rows, memories: Memories, clock: Clock) -> None:
        self._rows = rows
        self._memories = memories
        self._clock = clock

    async def message(self, caller: Caller, given: str) -> MessageOut:
        """What became of a message.

        Raises:
            NotFound: If nobody knows it any more, or it is none of the caller's.
        """
        message_id = message_steps.id_of(given)
        memory = await self._memories.of(Inspect(message_id=message_id))
        inbox = await self._rows.rows(_INBOX.where(InboxRow.message_id == message_id))
        outbox = await self._rows.rows(_OUTBOX.where(OutboxRow.message_id == message_id))
        letters = await self._rows.rows(_LETTERS.where(DeadLetterRow.id == message_id))
        stored = _stored(inbox, outbox, letters)
        known = _visible(caller, [*stored, *_remembered(memory, message_id)])
        if not known:
            raise NotFound(_unknown(memory))
        step = known[0]
        return await self._told(caller, step, memory, outbox, letters, by_rows=step in stored)

    async def trace(self, caller: Caller, given: str) -> TraceOut:
        """The messages of a trace.

        Raises:
            NotFound: If nobody knows any of them, or none of them is the caller's.
        """
        trace_id = message_steps.id_of(given)
        memory = await self._memories.of(Inspect(trace_id=trace_id))
        steps = _visible(caller, await self._steps(trace_id, memory))
        if not steps:
            raise NotFound(_unknown(memory))
        began_s = min(step.began_s for step in steps)
        ended_s = max(step.began_s + (step.trail.ran_s if step.trail else 0.0) for step in steps)
        if any(step.state in ("running", "waiting", "on_its_way") for step in steps):
            ended_s = max(ended_s, self._clock.time())
        shown = message_steps.tree(steps)[:MOST_STEPS]
        took_ms = round((ended_s - began_s) * 1000, 3)
        return TraceOut(trace_id.hex(), utc(began_s), took_ms, len(steps) > len(shown), shown)

    async def _steps(self, trace_id: bytes, memory: Memory) -> list[Step]:
        inbox = union_all(
            _INBOX.where(InboxRow.message_id == trace_id),
            _INBOX.where(InboxRow.trace_id == trace_id),
        ).limit(MOST_STEPS + 1)
        outbox = _OUTBOX.where(OutboxRow.trace_id == trace_id).limit(MOST_STEPS + 1)
        letters = _LETTERS.where(DeadLetterRow.trace_id == trace_id).limit(MOST_STEPS + 1)
        stored = _stored(
            await self._rows.rows(inbox),
            await self._rows.rows(outbox),
            await self._rows.rows(letters),
        )
        of_trace = [step for step in stored if step.trace_id == trace_id]
        return _merged([*of_trace, *_remembered(memory, b"")])

    async def _told(
        self,
        caller: Caller,
        step: Step,
        memory: Memory,
        outbox: list[Any],
        letters: list[Any],
        *,
        by_rows: bool,
    ) -> MessageOut:
        following = await self._following(caller, step)
        killed = await self._killed(step)
        waiting = [w for w in memory.waiting if w["message_id"] == step.message_id]
        before = waiting[0]["before"] if waiting else None
        if step.state == "on_its_way" and outbox:
            before = await self._before(outbox[0])
        now_s = self._clock.time()
        trail = step.trail
        told = step.out()
        return MessageOut(
            **{name: getattr(told, name) for name in told.__struct_fields__},
            summary=sentence(step, before),
            trace_id=step.trace_id.hex(),
            set_in=trail.link.hex() if trail and trail.link else None,
            epoch=trail.epoch if trail else None,
            owner=await self.owner(step.target),
            committed_at=utc(step.handled_at_ms / 1000) if step.handled_at_ms else None,
            reply=_reply(step),
            letter=_letter(letters),
            before=before,
            killed=killed,
            passed=[utc(now_s - passed["ago_s"]) for passed in memory.passed],
            known_from="rows" if by_rows else "memory",
            followed_by=[one.out(step.message_id, 1) for one in following[:MOST_FOLLOWING]],
        )

    async def owner(self, target: EntityId) -> OwnerOut:
        """Who owns an entity now."""
        shard = shard_of(target)
        rows = await self._rows.rows(
            select(ShardRow.epoch, HostRow.name)
            .outerjoin(HostRow, HostRow.incarnation == ShardRow.owner)
            .where(ShardRow.shard == shard)
        )
        return OwnerOut(shard, rows[0].name, rows[0].epoch) if rows else OwnerOut(shard, None, None)

    async def _following(self, caller: Caller, step: Step) -> list[Step]:
        """What its turn, and the effects that it started, led to."""
        memory = await self._memories.of(Inspect(trace_id=step.trace_id))
        spans = {span_of(step.message_id)}
        steps = await self._steps(step.trace_id, memory)
        spans |= {span_of(one.message_id) for one in steps if one.parent in spans}
        found = [one for one in steps if one.parent in spans and one.key != step.key]
        return sorted(_visible(caller, found), key=lambda one: one.began_s)

    async def _killed(self, step: Step) -> int:
        wanted = SuspectRow.message_id == step.message_id
        rows = await self._rows.rows(select(SuspectRow.kills).where(wanted))
        return int(rows[0].kills) if rows else 0

    async def _before(self, row: Any) -> int:
        """How many messages of the same sender to the same receiver have to be handled first."""
        same = [getattr(OutboxRow, name) == getattr(row, name) for name in _CHANNEL]
        earlier = select(func.count()).select_from(OutboxRow)
        rows = await self._rows.rows(earlier.where(*same, OutboxRow.number < row.number))
        return int(rows[0][0])


_CHANNEL = ("kind", "key", "to_kind", "to_key")


def _stored(inbox: list[Any], outbox: list[Any], letters: list[Any]) -> list[Step]:
    """What the rows say. A letter is the last word; a row in the outbox may be there still."""
    return _merged(
        [
            *map(message_steps.of_letter, letters),
            *map(message_steps.of_inbox, inbox),
            *map(message_steps.of_outbox, outbox),
        ]
    )


def _remembered(memory: Memory, message_id: bytes) -> list[Step]:
    """What the hosts say.

    Args:
        memory: What they told.
        message_id: The message that is meant; empty for all of them.
    """
    running = [message_steps.of_effect(effect) for effect in memory.effects]
    waiting = [message_steps.of_waiting(told) for told in memory.waiting]
    handled = [message_steps.of_span(span) for span in reversed(memory.spans)]
    steps = [
        one
        for one in (*running, *waiting, *handled)
        if not message_id or one.message_id == message_id
    ]
    return _merged(steps)


def _merged(steps: Iterable[Step]) -> list[Step]:
    """Each message once: as the first that knows it says, with the trail of any."""
    found: dict[Any, Step] = {}
    for step in steps:
        known = found.setdefault(step.key, step)
        if known.trail is None and step.trail is not None:
            found[step.key] = known._replace(trail=step.trail, parent=step.trail.parent)
    return list(found.values())


def _visible(caller: Caller, steps: list[Step]) -> list[Step]:
    if policy.READ_TRACES in caller.permissions:
        return steps
    return [step for step in steps if step.user == caller.user_id]


def _reply(step: Step) -> ReplyOut | None:
    if step.reply_bytes is None or step.source not in ("ask", ""):
        return None
    detail = step.error.detail if step.error else None
    return ReplyOut(step.code or None, detail, step.reply_bytes)


def _letter(letters: list[Any]) -> LetterOut | None:
    if not letters:
        return None
    row = letters[0]
    return LetterOut(row.code, row.reason, row.attempts, utc(row.given_up_at_ms / 1000))


def _unknown(memory: Memory) -> str:
    told = (
        "Nothing is known of it. What was handled is kept for VAREON_INBOX_HOURS; queries, and "
        "messages that failed, are remembered by their hosts for a while only."
    )
    return told if memory.whole else f"{told} Not every host answered: ask again."
