"""Messages, traces and entities, explained."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class StepOut(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a trace.

    Attributes:
        parent: The message whose turn sent it, if that belongs to the trace and is known.
        depth: How many messages lie above it.
        source: ``ask``, ``send``, ``reminder``, ``effect`` (flows too) or ``stream``.
        state: ``handled``, ``failed``, ``running``, ``waiting``, ``on_its_way`` or ``set_aside``.
        began_at: When its turn began; None while it has not.
        waited_ms: How long it waited before.
        ran_ms: How long its turn took; an effect, from its start to its end.
        code: Why it failed.
        remark: Why its handler did what it did, in the handler's own words.
    """

    id: str
    parent: str | None = None
    depth: int = 0
    entity: str
    message: str
    source: str
    state: str
    began_at: datetime | None = None
    waited_ms: float | None = None
    ran_ms: float | None = None
    attempts: int = 1
    user_id: str | None = None
    sender: str | None = None
    code: str | None = None
    remark: str | None = None


class ReplyOut(msgspec.Struct, frozen=True):
    """What its sender was answered, without the answer itself."""

    code: str | None
    detail: str | None
    bytes: int


class OwnerOut(msgspec.Struct, frozen=True):
    """Who owns an entity now."""

    shard: int
    host: str | None
    epoch: int | None


class LetterOut(msgspec.Struct, frozen=True):
    """Why it was given up."""

    code: str
    reason: str
    attempts: int
    given_up_at: datetime


class MessageOut(StepOut, frozen=True, kw_only=True):
    """What became of a message, or where it is.

    Attributes:
        summary: The same in a sentence.
        trace_id: 32 hex digits.
        set_in: The trace in which a tick's reminder was set.
        epoch: Of the host that handled it.
        committed_at: When its row was last written: with its turn, or with its answer.
        reply: None if it has none, or none yet.
        before: How many messages are before it where it waits.
        killed: How many hosts ended while they handled it.
        passed: When the router passed it on, as far as it remembers.
        known_from: ``rows`` or ``memory``.
        followed_by: What its turn sent, started and asked.
    """

    summary: str
    trace_id: str
    set_in: str | None = None
    epoch: int | None = None
    owner: OwnerOut
    committed_at: datetime | None = None
    reply: ReplyOut | None = None
    letter: LetterOut | None = None
    before: int | None = None
    killed: int = 0
    passed: list[datetime] = []
    known_from: str
    followed_by: list[StepOut] = []


class TraceOut(msgspec.Struct, frozen=True):
    """A trace as a tree, written from its root on: each message before those that it led to.

    Attributes:
        took_ms: From the beginning of the first to the end of the last.
        cut: There are more messages than are shown.
    """

    id: str
    began_at: datetime | None
    took_ms: float
    cut: bool
    messages: list[StepOut]


class ReminderOut(msgspec.Struct, frozen=True):
    """A reminder of an entity."""

    name: str
    due_at: datetime
    handler: str
    attempts: int


class EntityOut(msgspec.Struct, frozen=True, kw_only=True):
    """An entity.

    Attributes:
        state: As of its last commit, with secrets and bytes masked.
        active: Whether it is in its host's memory; the four that follow are known only then.
        running_s: How long its turn has run, if one runs.
        recent: Its messages that its host remembers, the newest first.
    """

    entity: str
    exists: bool
    deleted: bool
    version: int | None
    schema_version: int | None
    owner: OwnerOut
    state: Any
    active: bool
    mailbox: int = 0
    uncommitted: int = 0
    running_s: float | None = None
    idle_s: float | None = None
    reminders: list[ReminderOut] = []
    effects: list[StepOut] = []
    recent: list[StepOut] = []
