"""Clients that ask under faults, and note what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vareon_runtime.envelope import FINGERPRINT
from vareon_runtime.errors import Poisoned, Refused, StillRunning, VareonError
from vareon_runtime.identity import EntityId, IdSource
from vareon_runtime.message import Request
from vareon_runtime.testing.places import FrontDoorPlace
from vareon_runtime.testing.simulation import Simulation
from vareon_runtime.testing.virtual_loop import SimClock
from vareon_runtime.testing.workload_entities import (
    OPENED_WITH,
    Append,
    Bump,
    Deliver,
    Hand,
    Pay,
    ReadAll,
    Statement,
    Transfer,
)

LOGS = 8
ACCOUNTS = 6
DESKS = 3
COURIERS = 4
COUNTERS = 3
ASK_WITHIN_S = 3.0
SETTLE_WITHIN_S = 90.0
THINK_S = 0.25
KEYED_KINDS = ("append", "transfer", "deliver", "publish", "remind")


class Operation:
    """An id, what is asked under it, and whether its outcome is known."""

    __slots__ = ("entity", "fingerprint", "kind", "message", "message_id", "settled", "value")

    def __init__(
        self,
        message_id: bytes,
        kind: str,
        entity: EntityId,
        message: Request[Any],
        value: Any,
        fingerprint: bytes = b"",
    ) -> None:
        self.message_id = message_id
        self.kind = kind
        self.entity = entity
        self.message = message
        self.value = value
        self.fingerprint = fingerprint
        """Of one that is asked under an Idempotency-Key."""
        self.settled = False


class Client:
    """One caller: its operations follow each other, save those of a burst."""

    def __init__(self, simulation: Simulation, name: str, doors: list[FrontDoorPlace]) -> None:
        self.simulation = simulation
        self.name = name
        self.rng = simulation.rng(name)
        self.doors = doors
        self.made: list[Operation] = []
        self.unsettled: list[Operation] = []
        self._ids = IdSource(SimClock(simulation.loop, simulation.outside), self.rng)

    async def work(self, operations: int) -> None:
        """So many operations, with a pause before each."""
        while operations > 0:
            await asyncio.sleep(self.rng.expovariate(1 / THINK_S))
            if self.rng.random() < 0.1:
                target = self._log()
                burst = [self._append(target) for _ in range(4)]
                operations -= len(burst)
                await asyncio.gather(*(self.attempt(operation) for operation in burst))
                continue
            operations -= 1
            await self._do(self._draw())

    async def settle(self) -> None:
        """Send what is not known again, until it is."""
        ends = self.simulation.loop.time() + SETTLE_WITHIN_S
        while self.unsettled and self.simulation.loop.time() < ends:
            unsettled, self.unsettled = self.unsettled, []
            for operation in unsettled:
                await self.attempt(operation)
            if self.unsettled:
                await asyncio.sleep(0.2)

    async def attempt(self, operation: Operation) -> Any:
        """Ask once, and note the outcome; the reply, or None."""
        record = self.simulation.record
        fields = {
            "client": self.name,
            "op": operation.message_id.hex(),
            "entity": str(operation.entity),
            "kind": operation.kind,
        }
        record("invoke", value=operation.value, **fields)
        reply = None
        try:
            reply = await self.rng.choice(self.doors).ask(
                operation.entity,
                operation.message,
                message_id=operation.message_id,
                timeout_s=ASK_WITHIN_S,
                fingerprint=operation.fingerprint,
            )
        except StillRunning as error:
            record("info", value=error.code, **fields)
            self._keep(operation)
        except Refused as error:
            record("fail", value=error.code, **fields)
            if isinstance(error, Poisoned):
                operation.settled = True
            else:
                self._keep(operation)
        except VareonError as error:
            record("info", value=error.code, **fields)
            self._keep(operation)
        else:
            operation.settled = True
            record("ok", value=reply, **fields)
        return reply

    def operation(
        self, kind: str, entity: EntityId, message: Request[Any], value: Any = None
    ) -> Operation:
        """A new id; some are asked as a front door asks under an Idempotency-Key."""
        keyed = kind in KEYED_KINDS and self.rng.random() < 0.3
        fingerprint = self.rng.randbytes(FINGERPRINT) if keyed else b""
        made = Operation(self._ids.message_id(), kind, entity, message, value, fingerprint)
        self.made.append(made)
        return made

    async def _do(self, operation: Operation) -> None:
        chance = self.rng.random()
        if chance < 0.1 and operation.kind != "volatile":
            await asyncio.gather(self.attempt(operation), self.attempt(operation))
        else:
            await self.attempt(operation)
        if operation.kind == "volatile":
            return
        if operation.settled and chance > 0.92:
            await self.attempt(operation)
        while not operation.settled and self.rng.random() < 0.7:
            await self.attempt(operation)

    def _keep(self, operation: Operation) -> None:
        if operation.kind != "volatile" and operation not in self.unsettled:
            self.unsettled.append(operation)

    def _draw(self) -> Operation:
        chance = self.rng.random()
        draws: list[tuple[float, Callable[[], Operation]]] = [
            (0.40, lambda: self._append(self._log())),
            (0.62, self._read),
            (0.76, self._pay),
            (0.86, self._transfer),
            (0.91, self._deliver),
            (0.95, self._hand),
            (1.0, self._bump),
        ]
        return next(draw for limit, draw in draws if chance < limit)()

    def _log(self) -> EntityId:
        """Half of all goes to two of them."""
        most = 2 if self.rng.random() < 0.5 else LOGS
        return EntityId("log", str(self.rng.randrange(most)))

    def _append(self, target: EntityId) -> Operation:
        return self.operation("append", target, Append())

    def _read(self) -> Operation:
        return self.operation("read", self._log(), ReadAll())

    def _two_accounts(self) -> tuple[str, str]:
        one, other = self.rng.sample(range(ACCOUNTS), 2)
        return str(one), str(other)

    def _pay(self) -> Operation:
        source, target = self._two_accounts()
        amount = self.rng.randrange(1, 50)
        value = [f"account/{source}", f"account/{target}", amount]
        return self.operation("transfer", EntityId("account", source), Pay(target, amount), value)

    def _transfer(self) -> Operation:
        source, target = self._two_accounts()
        amount = self.rng.randrange(1, 50)
        value = [f"account/{source}", f"account/{target}", amount]
        desk = EntityId("desk", str(self.rng.randrange(DESKS)))
        return self.operation("transfer", desk, Transfer(source, target, amount), value)

    def _deliver(self) -> Operation:
        courier = EntityId("courier", str(self.rng.randrange(COURIERS)))
        letters = self.rng.randrange(1, 4)
        return self.operation("deliver", courier, Deliver(letters), letters)

    def _hand(self) -> Operation:
        courier = EntityId("courier", str(self.rng.randrange(COURIERS)))
        return self.operation("hand", courier, Hand())

    def _bump(self) -> Operation:
        counter = EntityId("counter", str(self.rng.randrange(COUNTERS)))
        return self.operation("volatile", counter, Bump())


async def note_finals(simulation: Simulation, bus: FrontDoorPlace) -> None:
    """Read what every log and account has come to, and note it."""
    for number in range(LOGS):
        target = EntityId("log", str(number))
        ids = await bus.ask(target, ReadAll(), timeout_s=30.0)
        simulation.record("final", kind="log", entity=str(target), value={"ids": ids})
    await _until_paid(bus)
    for number in range(ACCOUNTS):
        target = EntityId("account", str(number))
        statement = await bus.ask(target, Statement(), timeout_s=30.0)
        value = {"opened_with": OPENED_WITH, **statement}
        simulation.record("final", kind="account", entity=str(target), value=value)


async def _until_paid(bus: FrontDoorPlace) -> None:
    """Give sends that are under way the time they may need; what is lost stays lost."""
    for _ in range(60):
        total = 0
        for number in range(ACCOUNTS):
            statement = await bus.ask(EntityId("account", str(number)), Statement(), timeout_s=30.0)
            total += statement["balance"]
        if total == ACCOUNTS * OPENED_WITH:
            return
        await asyncio.sleep(0.5)
