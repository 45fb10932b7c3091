"""A workbench for one entity at a time: its real turns on a real SQLite file in memory.

It has no mailbox, no router and no group commit; those have tests of their own. What it
keeps is what an author sees: permission, the handler, its changes in one transaction, its
effects run afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import msgspec
from sqlalchemy import Executable, create_engine, delete, event, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.pool import StaticPool

from actors.accounts.one_use import OneUseTokens
from actors.cognisys.destination import Destinations
from actors.cognisys.keyring import KeyRing
from vareon_runtime.clock import utc
from vareon_runtime.entity import Context, Entity, Event, Request, Tick
from vareon_runtime.entity.context import Changes, HostServices, RowChange, StartedEffect
from vareon_runtime.errors import NotFound, VareonError
from vareon_runtime.identity import EntityId, IdSource, Principal
from vareon_runtime.models import UserRow
from vareon_runtime.storage.base import Base

ADMIN = Principal("admin-id", ("admin",))
ANN = Principal("ann-id", ("member",))
BOB = Principal("bob-id", ("member",))
KEYS = KeyRing(("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",))


class TickingClock:
    """One second later every time it is asked."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def time(self) -> float:
        self.now_s += 1.0
        return self.now_s

    def monotonic(self) -> float:
        return self.time()

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class BenchEffectContext:
    """What an effect sees; keeps what it writes."""

    def __init__(
        self,
        bench: Workbench,
        entity: Entity[Any],
        started: StartedEffect,
        principal: Principal | None = None,
    ) -> None:
        self.entity_id = EntityId(entity.handlers.kind, entity.key)
        self.effect_id = started.effect_id
        self.attempt = 1
        self.traceparent = ""
        self.principal = principal
        self.written: list[tuple[str, str]] = []
        self._bench = bench
        self.read = bench.read

    async def ask(self, target: EntityId, message: Request[Any], timeout_s: float = 10.0) -> Any:
        return await self._bench.ask(self._bench.entities[target], message, self.principal)

    def write(self, stream: str, text: str) -> None:
        self.written.append((stream, text))

    def resource(self, kind: type[Any]) -> Any:
        return self._bench.resources[kind]


class Workbench:
    """Runs turns and effects of entities."""

    def __init__(self) -> None:
        self.clock = TickingClock()
        self.ids = IdSource(self.clock, random.Random(1))
        self.resources: dict[type[Any], Any] = {
            KeyRing: KEYS,
            OneUseTokens: OneUseTokens(),
            Destinations: Destinations(),
        }
        self.entities: dict[EntityId, Entity[Any]] = {}
        self.engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        event.listen(self.engine, "connect", _with_foreign_keys)
        Base.metadata.create_all(self.engine)
        self.events: list[Event] = []
        self.pending: list[tuple[Entity[Any], StartedEffect]] = []
        self.cancelled: list[bytes] = []
        self.sent: list[tuple[EntityId, Any]] = []
        self.reminders: dict[tuple[EntityId, str], float] = {}
        """When each is due, in epoch seconds."""

    def entity(self, klass: type[Entity[Any]], key: str) -> Entity[Any]:
        """The entity of a class under a key."""
        entity_id = EntityId(klass.handlers.kind, key)
        if entity_id not in self.entities:
            self.entities[entity_id] = klass(key, klass.handlers.state())
        return self.entities[entity_id]

    async def reload(self, entity: Entity[Any]) -> Entity[Any]:
        """The same entity in a new activation."""
        kind = type(entity)
        encoded = msgspec.msgpack.encode(entity.state)
        fresh = kind(entity.key, msgspec.msgpack.decode(encoded, type=kind.handlers.state))
        fresh.exists = entity.exists
        self.entities[EntityId(kind.handlers.kind, entity.key)] = fresh
        await fresh.activated(self._context(fresh, None))
        return fresh

    async def read(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Rows."""
        with self.engine.connect() as connection:
            return list(connection.execute(statement, parameters).fetchall())

    async def ask(
        self, entity: Entity[Any], message: Request[Any], principal: Principal | None = ANN
    ) -> Any:
        """One turn; its changes are committed if it does not raise."""
        handler = entity.handlers.messages[type(message).__name__]
        context = self._context(entity, principal)
        entity.permit(message, context)
        if not entity.exists and not handler.options.creates:
            raise NotFound("It does not exist.")
        before = deepcopy(entity.state)
        try:
            reply = await handler.method(entity, message, context)
        except VareonError:
            entity.state = before
            raise
        self._commit(entity, context.changes, write_state=handler.options.kind == "command")
        return reply

    async def run_effect(
        self, error: VareonError | None = None, principal: Principal | None = None
    ) -> BenchEffectContext:
        """Run the oldest pending effect and the turn that takes its result.

        Args:
            error: What it fails with instead of running.
            principal: On whose behalf it runs.
        """
        entity, started = self.pending.pop(0)
        effect = BenchEffectContext(self, entity, started, principal)
        declared = entity.handlers.effects[started.call.name].effect
        turn = self._context(entity, None)
        try:
            if error is not None:
                raise error
            result = await declared.method(entity, *started.call.arguments, effect)
            await getattr(entity, started.then)(result, turn)
        except VareonError as failure:
            assert started.failed is not None
            turn = self._context(entity, None)
            await getattr(entity, started.failed)(failure, turn)
        self._commit(entity, turn.changes, write_state=True)
        return effect

    async def tick(self, entity: Entity[Any], name: str) -> None:
        """Let a reminder come due: the clock is put forward to it."""
        due_s = self.reminders.pop((EntityId(entity.handlers.kind, entity.key), name))
        self.clock.now_s = max(self.clock.now_s, due_s)
        turn = self._context(entity, None)
        await entity.handlers.reminders[name](entity, Tick(name, utc(due_s), 0), turn)
        self._commit(entity, turn.changes, write_state=True)

    def add_user(self, principal: Principal) -> None:
        """An account, for the tables that refer to it."""
        now = utc(self.clock.time())
        with self.engine.begin() as connection:
            connection.execute(
                insert(UserRow).values(
                    id=principal.user_id,
                    username=principal.user_id,
                    hashed_password="x",
                    is_active=True,
                    created_at=now,
                    updated_at=now,
                )
            )

    def _context(self, entity: Entity[Any], principal: Principal | None) -> Context:
        services = HostServices(self.clock, self.ids, self.read, self.resources)
        entity_id = EntityId(entity.handlers.kind, entity.key)
        return Context(entity_id, self.ids.message_id(), principal, services)

    def _commit(self, entity: Entity[Any], changes: Changes, *, write_state: bool) -> None:
        table = entity.handlers.row
        with self.engine.begin() as connection:
            if table is not None and write_state and not changes.deleted:
                values = {name: getattr(entity.state, name) for name in entity.handlers.columns}
                statement = upsert(table).values(id=entity.key, **values)
                connection.execute(statement.on_conflict_do_update(["id"], set_=values))
            for change in changes.rows:
                connection.execute(_statement(change))
            if table is not None and changes.deleted:
                connection.execute(delete(table).where(table.c.id == entity.key))
        if write_state:
            entity.exists = not changes.deleted
        self.events.extend(changes.events)
        self.pending.extend((entity, started) for started in changes.effects)
        self.cancelled.extend(changes.cancelled)
        self.sent.extend(changes.sends)
        for name, asked in changes.reminders.items():
            place = (EntityId(entity.handlers.kind, entity.key), name)
            self.reminders.pop(place, None)
            if asked is not None:
                self.reminders[place] = asked.due_ms / 1000


def _statement(change: RowChange) -> Any:
    table = change.table
    where = [table.c[name] == value for name, value in change.where.items()]
    match change.verb:
        case "insert":
            return insert(table).values(**change.values)
        case "update":
            return update(table).where(*where).values(**change.values)
        case "delete":
            return delete(table).where(*where)
    raise AssertionError(change.verb)


def _with_foreign_keys(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def texts_of(rows: Sequence[Any], column: str) -> list[Any]:
    """One column of rows."""
    return [getattr(row, column) for row in rows]
