"""What clients do all the while: append and read, move money, run flows.

Each worker goes on until it is told to settle; then until something that it began afterwards has
succeeded on every entity it uses. What it leaves is read when all of them have come to rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from tests.chaos.caller import Caller, Operation, Refused
from tests.chaos.entities import OPENED_WITH, STEPS

LOGS, LOG_CLIENTS = 3, 9
ACCOUNTS, BANK_CLIENTS = 4, 3
FLOW_CLIENTS = 3
LONGEST_PAUSE_S = 0.03
HOLD_S = 0.02
LOOK_S = 0.03
AT_MOST_ONCE = 0.6
REPEATED = 0.05
REST_S = 30.0

Clock = Callable[[], int]


@dataclass(slots=True)
class Task:
    """A round, as its clients see it.

    Attributes:
        number: Names the entities, so that rounds do not share any.
        sink: Where flows deliver to.
        settling: Set once it is time to end.
    """

    number: int
    sink: str
    settling: asyncio.Event


class Worker(Protocol):
    """One client of one workload."""

    async def work(self) -> None:
        """Work until settled."""
        ...


class LogClient:
    """Appends to one log and reads it; a few appends are repeated to see the same reply.

    Every log has two of these, and a third that only reads: it is not held up by what waits for
    the disk, and so it would see what is not there yet.
    """

    def __init__(self, task: Task, caller: Caller, random: Random, number: int) -> None:
        self._task, self._caller, self._random = task, caller, random
        self._entity = f"chaos_log/r{task.number}-{number % LOGS}"
        self._only_reads = number >= LOG_CLIENTS - LOGS
        self._count = 0

    async def work(self) -> None:
        """See `Worker.work`."""
        await self._append()  # now it is there to be read
        rounds_left = 2
        while rounds_left:
            if self._task.settling.is_set():
                rounds_left -= 1
            if not self._only_reads:
                await self._append()
            if self._only_reads or self._random.random() < 0.5 or not rounds_left:
                await read_log(self._caller, self._entity, self._op("read"))
            await asyncio.sleep(self._random.uniform(0, LONGEST_PAUSE_S))

    async def _append(self) -> None:
        op = self._op("append")
        held = HOLD_S if self._random.random() < 0.3 else 0.0
        append = Operation(op, self._entity, "append", "Append", {"op": op, "hold_s": held})
        await self._caller.call(append)
        if self._random.random() < REPEATED:
            await self._caller.call(append)

    def _op(self, kind: str) -> str:
        self._count += 1
        return f"{self._caller.name}-{self._task.number}-{kind[0]}{self._count}"


class BankClient:
    """Moves money between any two of the round's accounts."""

    def __init__(self, task: Task, caller: Caller, random: Random, number: int) -> None:
        self._task, self._caller, self._random = task, caller, random
        self._count = number

    async def work(self) -> None:
        """See `Worker.work`."""
        for account in accounts(self._task):
            await self._caller.call(
                Operation(f"open-{account}", account, "open", "Open", value=OPENED_WITH)
            )
        rounds_left = 1
        while rounds_left:
            if self._task.settling.is_set():
                rounds_left -= 1
                for source in accounts(self._task):
                    await self._transfer(source)
            else:
                await self._transfer(self._random.choice(accounts(self._task)))
            await asyncio.sleep(self._random.uniform(0, LONGEST_PAUSE_S))

    async def _transfer(self, source: str) -> None:
        self._count += 1
        op = f"{self._caller.name}-{self._task.number}-t{self._count}"
        target = self._random.choice([a for a in accounts(self._task) if a != source])
        amount = self._random.randint(1, 40)
        body = {"op": op, "to": target.partition("/")[2], "amount": amount}
        transfer = Operation(op, source, "transfer", "Transfer", body, [source, target, amount])
        try:
            await self._caller.call(transfer)
        except Refused:
            return


class FlowClient:
    """Runs one flow after another, and now and then an effect that must never run twice."""

    def __init__(self, task: Task, caller: Caller, random: Random, number: int) -> None:
        self._task, self._caller, self._random = task, caller, random
        self._count = number

    async def work(self) -> None:
        """See `Worker.work`."""
        last = False
        while not last:
            last = self._task.settling.is_set()
            self._count += FLOW_CLIENTS
            await self._run(f"{self._caller.name}-{self._task.number}-f{self._count}")

    async def _run(self, op: str) -> None:
        entity, body = f"chaos_flow/{op}", {"op": op, "sink": self._task.sink}
        if self._random.random() < AT_MOST_ONCE:
            operation = Operation(op, entity, "volatile", "CallOnce", body)
        else:
            operation = Operation(op, entity, "deliver", "Begin", body, STEPS)
        await self._caller.call(operation)


async def read_log(caller: Caller, entity: str, op: str) -> list[str]:
    """Read a log, as an operation of the history."""
    read = Operation(op, entity, "read", "GetAll", None)
    seen: list[str] = await caller.call(read)
    return seen


def accounts(task: Task) -> list[str]:
    """The accounts of a round."""
    return [f"chaos_account/r{task.number}-{number}" for number in range(ACCOUNTS)]


async def final_logs(task: Task, caller: Caller) -> None:
    """Write down what the logs hold in the end."""
    for number in range(LOGS):
        entity = f"chaos_log/r{task.number}-{number}"
        ids = await read_log(caller, entity, f"final-{entity}")
        caller.history.note("final", entity=entity, kind="log", value={"ids": ids})


async def final_accounts(task: Task, caller: Caller) -> None:
    """Write down what the accounts hold, once what was under way has arrived."""
    deadline = asyncio.get_running_loop().time() + REST_S
    while True:
        found = {}
        for account in accounts(task):
            look = Operation("look", account, "look", "GetAccount", None, noted=False)
            found[account] = await caller.call(look)
        balances = [one["balance"] for one in found.values()]
        if sum(balances) == OPENED_WITH * ACCOUNTS:
            break
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(LOOK_S)
    for account, value in found.items():
        caller.history.note("final", entity=account, kind="account", value=value)


async def nothing_more(_task: Task, _caller: Caller) -> None:
    """The ledger tells the rest."""


Final = Callable[[Task, Caller], Awaitable[None]]
WORKLOADS: dict[str, tuple[type[LogClient | BankClient | FlowClient], int, Final]] = {
    "append": (LogClient, LOG_CLIENTS, final_logs),
    "bank": (BankClient, BANK_CLIENTS, final_accounts),
    "flow": (FlowClient, FLOW_CLIENTS, nothing_more),
}
