"""Messages that turns have sent: brought to their receivers in order until each has confirmed.

A message is numbered by its sender for each receiver and committed with the turn that sent it.
What waits for one receiver goes out as a run, in order; the receiver handles a number once, and
refuses one whose predecessor it has not seen. So a run that breaks off is simply sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Table

from vareon_runtime import codec
from vareon_runtime.envelope import NO_SPAN, Kind, Request, Sent, pack_sent, unpack_principal
from vareon_runtime.errors import (
    InternalError,
    Refused,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.identity import EntityId, MessageId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.storage.tables import OutboxRow
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

OUTBOX: Table = OutboxRow.__table__  # type: ignore[assignment]
WAITING_LIMIT = 100_000
"""Sends that may wait in one host; past it, new work is refused until some are confirmed."""
RUN_LIMIT = 32
READ_LIMIT = 2 * WAITING_LIMIT
CONFIRM_WITHIN_S = 30.0
RETRY_FIRST_S = 0.02
RETRY_LONGEST_S = 5.0
FAILURES_LIMIT = 5
"""How often a receiver may fail as a whole before a message to it is set aside."""
_CONFIRMED = EntityId("outbox", "confirmed")


class Outgoing(NamedTuple):
    """A committed message on its way."""

    message_id: MessageId
    sender: EntityId
    target: EntityId
    number: int
    name: str
    body: bytes
    principal: bytes
    trace_id: bytes
    span_id: bytes
    """The turn that sent it."""

    def row(self) -> RowChange:
        """Its row, to be committed with the turn that sends it."""
        return RowChange(
            "insert",
            OUTBOX,
            {
                "message_id": self.message_id,
                "shard": shard_of(self.sender),
                "kind": self.sender.kind,
                "key": self.sender.key,
                "to_kind": self.target.kind,
                "to_key": self.target.key,
                "number": self.number,
                "name": self.name,
                "body": self.body,
                "principal": self.principal,
                "trace_id": self.trace_id,
                "span_id": self.span_id,
            },
            {},
        )


def _outgoing(row: dict[str, Any]) -> Outgoing:
    return Outgoing(
        row["message_id"],
        EntityId(row["kind"], row["key"]),
        EntityId(row["to_kind"], row["to_key"]),
        row["number"],
        row["name"],
        row["body"],
        row["principal"],
        row["trace_id"],
        row["span_id"] or NO_SPAN,
    )


@dataclass(slots=True)
class Queue:
    """What one sender still has for one receiver."""

    waiting: deque[Outgoing] = field(default_factory=deque)
    running: asyncio.Task[None] | None = None


class Outbox:
    """Delivers what the turns of this host's entities have sent."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._queues: dict[tuple[EntityId, EntityId], Queue] = {}
        self._confirmed: list[MessageId] = []
        self._letters: list[RowChange] = []
        self._confirming = False
        self._unread: set[int] = set()
        """Shards of which earlier sends may lie in the database, not read yet."""
        self._held: list[Outgoing] = []
        """Sends of these shards: were they to go first, the earlier ones would count as handled."""
        self.waiting = 0

    @property
    def full(self) -> bool:
        """Whether new work must be refused."""
        return self.waiting >= WAITING_LIMIT

    def committed(self, sent: Collection[Outgoing]) -> None:
        """Take on what a turn has sent, now that it is durable."""
        for message in sent:
            if self._unread and shard_of(message.sender) in self._unread:
                self._held.append(message)
                self.waiting += 1
            else:
                self._add(message)

    def gained(self, shards: Collection[int]) -> None:
        """Send nothing of these before what their earlier owners left has been read."""
        self._unread.update(shards)

    async def take_up(self, shards: Collection[int]) -> None:
        """Go on with what earlier owners of these shards could not bring to an end."""
        found = [_outgoing(row) for row in await self._rows(tuple(shards))]
        self._unread.difference_update(shards)
        known = {message.message_id for message in found}
        held, self._held = self._held, []
        self.waiting -= len(held)
        for message in sorted(found, key=lambda message: message.number):
            self._add(message)
        # What was sent meanwhile may have been read as well, and comes after all the rest.
        self.committed([message for message in held if message.message_id not in known])

    async def _rows(self, shards: Sequence[int]) -> list[dict[str, Any]]:
        """All that is left of these shards; a read that was cut tells nothing of their order."""
        host = self._host
        rows = await host.loader.call(
            lambda: host.store.find(OUTBOX, {"shard": shards}, limit=READ_LIMIT)
        )
        if len(rows) < READ_LIMIT:
            return rows
        if len(shards) == 1:
            raise StoreFailed("More messages wait in one shard than can be read at once.", 1.0)
        half = len(shards) // 2
        return await self._rows(shards[:half]) + await self._rows(shards[half:])

    def hand_over(self, shards: Collection[int]) -> None:
        """Leave what belongs to these shards to their next owner, who finds the rows."""
        for (sender, target), queue in list(self._queues.items()):
            if shard_of(sender) in shards:
                if queue.running is not None:
                    queue.running.cancel()
                self.waiting -= len(queue.waiting)
                del self._queues[sender, target]
        held = [message for message in self._held if shard_of(message.sender) not in shards]
        self.waiting -= len(self._held) - len(held)
        self._held = held

    async def stop(self) -> None:
        """Stop delivering; the rows stay."""
        running = [q.running for q in self._queues.values() if q.running is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _add(self, message: Outgoing) -> None:
        key = (message.sender, message.target)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = Queue()
        queue.waiting.append(message)
        self.waiting += 1
        if queue.running is None:
            queue.running = self._host.loop.create_task(self._deliver(key, queue))

    async def _deliver(self, key: tuple[EntityId, EntityId], queue: Queue) -> None:
        pause, failures = RETRY_FIRST_S, 0
        while queue.waiting:
            run = [queue.waiting[at] for at in range(min(RUN_LIMIT, len(queue.waiting)))]
            handled, error = await self._sent(key, run)
            for _ in range(handled):
                self._confirm(queue.waiting.popleft().message_id)
            self.waiting -= handled
            if handled:
                pause, failures = RETRY_FIRST_S, 0
            failures += isinstance(error, InternalError)
            if error is not None and (_is_final(error) or failures >= FAILURES_LIMIT):
                self._set_aside(queue.waiting.popleft(), error, max(1, failures))
                failures = 0
            elif error is not None:
                await self._host.clock.sleep(max(error.retry_after_s or 0.0, pause))
                pause = min(RETRY_LONGEST_S, pause * 2)
        if self._queues.get(key) is queue:
            del self._queues[key]

    async def _sent(
        self, key: tuple[EntityId, EntityId], run: list[Outgoing]
    ) -> tuple[int, VareonError | None]:
        """Send a run; what nobody foresaw is no fault of the messages, which are tried again."""
        try:
            return await self._send(run)
        except Exception as error:  # noqa: BLE001 - what waits behind them must not wait for ever
            failure("outbox_broke", error, sender=str(key[0]), target=str(key[1]))
            return 0, Unavailable("This message could not be sent now.", RETRY_LONGEST_S)

    async def _send(self, run: list[Outgoing]) -> tuple[int, VareonError | None]:
        """Send a run; how many of its first were confirmed, and what became of the next one."""
        behind = [0, *(message.number for message in run)]
        answers = await asyncio.gather(
            *(self._once(message, before) for message, before in zip(run, behind, strict=False))
        )
        for at, (kind, payload) in enumerate(answers):
            if kind != Kind.REPLY:
                return at, codec.decode_error(payload)
        return len(run), None

    async def _once(self, message: Outgoing, behind: int) -> tuple[int, bytes]:
        host = self._host
        principal = unpack_principal(message.principal) if message.principal else None
        body = pack_sent(Sent(message.sender, message.number, behind, message.body))
        request = Request(
            message.target,
            message.name,
            message.message_id,
            principal,
            CONFIRM_WITHIN_S,
            message.trace_id,
            message.span_id,
            body,
        )
        try:
            return await host.bus.deliver(request, CONFIRM_WITHIN_S)
        except VareonError as error:
            return Kind.ERROR, codec.encode_error(error)

    def _set_aside(self, message: Outgoing, error: VareonError, attempts: int) -> None:
        """Keep what its receiver cannot set aside, such as one for an unknown kind.

        Neither can a receiver whose state cannot be read, or whose change cannot be stored.
        """
        host = self._host
        letter = DeadLetter(
            message.target,
            message.message_id,
            "send",
            message.name,
            message.body,
            unpack_principal(message.principal) if message.principal else None,
            str(message.sender),
            message.trace_id,
            error,
            attempts,
        )
        self.waiting -= 1
        self._letters.append(letter.change(host.clock.time()))
        self._confirm(message.message_id)

    def _confirm(self, message_id: MessageId) -> None:
        self._confirmed.append(message_id)
        if not self._confirming:
            self._confirming = True
            self._host.committer.submit(_Confirmation(self, self._host))

    def take_settled(self) -> list[RowChange]:
        """What makes everything settled so far leave the outbox, in one commit."""
        rows, self._letters = self._letters, []
        for message_id in self._confirmed:
            rows.append(RowChange("delete", OUTBOX, {}, {"message_id": message_id}))
        self._confirmed = []
        self._confirming = False
        return rows


def _is_final(error: VareonError) -> bool:
    return isinstance(error, Refused) and not error.retryable


class _Confirmation:
    """Removes what was confirmed until the moment it is written.

    A row that is removed late, or not at all because the host died, is sent again and refused
    by its number: nothing depends on this commit.
    """

    void = False

    def __init__(self, outbox: Outbox, host: Host) -> None:
        self._outbox = outbox
        self._host = host
        self._unit: Unit | None = None

    @property
    def unit(self) -> Unit:
        """Built when the committer takes it, so that it holds as much as possible."""
        if self._unit is None:
            self._unit = Unit(_CONFIRMED, rows=self._outbox.take_settled())
        return self._unit

    def committed(self) -> None:
        """Nothing waits for it."""

    def failed(self, error: VareonError) -> None:
        """Try again, unless this life of the host is over."""
        if not self._host.stopping:
            failure("outbox_not_cleared", error, host=self._host.name)
            loop = self._host.loop
            loop.call_later(1.0, self._host.committer.submit, self)
