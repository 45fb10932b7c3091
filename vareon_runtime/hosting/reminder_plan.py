"""A reminder as it is stored, and the rows that a turn's changes to reminders make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Table

from vareon_runtime import codec
from vareon_runtime.entity.reminder import AskedReminder
from vareon_runtime.entity.schedule import Schedule
from vareon_runtime.identity import EntityId, MessageId, Principal, timed_id
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.tables import ReminderRow

if TYPE_CHECKING:
    from vareon_runtime.entity.context import Changes

REMINDERS: Table = ReminderRow.__table__  # type: ignore[assignment]


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What its row keeps of a reminder. It lives for years: fields are only added, with defaults.

    Attributes:
        schedule: The rule.
        due_ms: When the tick to come is due. Its row says a later time after a failure.
        handler: The ``@reminder`` method or, if there is a body, the message's name.
        body: The encoded message; empty for a ``@reminder`` method.
        principal: On whose behalf it was asked for.
        attempts: How often the tick to come has failed.
        trace_id: The trace in which it was asked for.
    """

    schedule: Schedule
    due_ms: int
    handler: str
    body: bytes = b""
    principal: Principal | None = None
    attempts: int = 0
    trace_id: bytes = b""

    @classmethod
    def of(cls, asked: AskedReminder, trace_id: bytes = b"") -> Plan:
        """The plan for what a turn asked for."""
        body = b"" if asked.message is None else codec.encode(asked.message)
        return cls(
            asked.schedule, asked.due_ms, asked.handler, body, asked.principal, trace_id=trace_id
        )

    def following(self, due_ms: int | None) -> Plan | None:
        """The plan for the next tick, if there is one."""
        if due_ms is None:
            return None
        return msgspec.structs.replace(self, due_ms=due_ms, attempts=0)

    def failed_once_more(self) -> Plan:
        """The plan for the same tick after a failure."""
        return msgspec.structs.replace(self, attempts=self.attempts + 1)


_decode = msgspec.msgpack.Decoder(Plan).decode


@dataclass(slots=True, eq=False)
class Armed:
    """A reminder whose time comes within the window.

    Attributes:
        wake_ms: When to bring its tick; later than its due after a failure.
        live: False once a turn, or its row, says something else.
        flying: Whether its tick is in its entity's mailbox.
    """

    target: EntityId
    name: str
    wake_ms: int
    plan: Plan
    live: bool = True
    flying: bool = False

    def tick_id(self) -> MessageId:
        """Names this very tick: the same after a failure or a kill."""
        return timed_id(self.plan.due_ms, "tick", *self.target, self.name)


def from_row(row: Mapping[str, Any]) -> Armed:
    """The reminder of a stored row."""
    target = EntityId(row["kind"], row["key"])
    return Armed(target, row["name"], row["due_ms"], _decode(row["plan"]))


def row_of(target: EntityId, name: str, plan: Plan | None, wake_ms: int | None = None) -> RowChange:
    """The change that stores a reminder, or removes it."""
    where = {"kind": target.kind, "key": target.key, "name": name}
    if plan is None:
        return RowChange("delete", REMINDERS, {}, where)
    values = {
        **where,
        "shard": shard_of(target),
        "due_ms": plan.due_ms if wake_ms is None else wake_ms,
        "plan": msgspec.msgpack.encode(plan),
    }
    return RowChange("upsert", REMINDERS, values, {})


def rows_of(target: EntityId, changes: Changes, trace_id: bytes = b"") -> list[RowChange]:
    """Everything a turn changes about its entity's reminders; what it asked for becomes armed."""
    if changes.deleted:
        changes.reminders.clear()
        changes.armed.clear()
        return [RowChange("delete", REMINDERS, {}, {"kind": target.kind, "key": target.key})]
    for name, asked in changes.reminders.items():
        plan = None if asked is None else Plan.of(asked, trace_id)
        changes.armed[name] = armed_for(target, name, plan)
    return [
        row_of(target, name, None if armed is None else armed.plan, armed and armed.wake_ms)
        for name, armed in changes.armed.items()
    ]


def armed_for(target: EntityId, name: str, plan: Plan | None) -> Armed | None:
    """A reminder that waits for its due; None if there is no plan for it."""
    return None if plan is None else Armed(target, name, plan.due_ms, plan)


def redriven(
    target: EntityId,
    letter_id: MessageId,
    handler: str,
    body: bytes,
    principal: Principal | None,
    now_ms: int,
) -> Armed:
    """Brings a dead letter's tick once more, beside the reminder that it came from."""
    plan = Plan(Schedule(), now_ms, handler, body, principal)
    return Armed(target, f"{handler[:60]}~{letter_id[:8].hex()}", now_ms, plan)
