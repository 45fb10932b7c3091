"""Reminders in the workload: alarms that tell a witness of each tick, in the tick's own turn."""

from __future__ import annotations

import asyncio

import msgspec

from vareon_runtime.entity import (
    Context,
    Entity,
    Message,
    Misfire,
    Request,
    State,
    Tick,
    command,
    entity,
    query,
    reminder,
)
from vareon_runtime.identity import EntityId
from vareon_runtime.testing.parts.part import Part

ALARMS = 5
WITNESS = EntityId("witness", "0")

Rung = tuple[str, int, int]
"""The operation that asked for it, when it was due, and how many ticks were left out."""


class AlarmState(State):
    """What was asked for, and what came."""

    op: str = ""
    times: int = 0
    ticks: list[Rung] = msgspec.field(default_factory=list)


class SetAlarm(Request[int], frozen=True):
    """Ring so many times; every so many milliseconds, or once after that long if ``every`` is 0."""

    times: int
    every_ms: int
    after_ms: int
    misses: bool


class Rang(Message, frozen=True):
    """A tick, as its alarm tells of it."""

    tick: Rung


class GetTicks(Request[list[Rung]], frozen=True):
    """Every tick."""


@entity("alarm", idle_after=2.0)
class Alarm(Entity[AlarmState]):
    """Has one reminder."""

    @command(creates=True)
    async def set(self, message: SetAlarm, context: Context) -> int:
        """Set it; a tick's message goes to the witness."""
        self.state.op, self.state.times = context.message_id.hex(), message.times
        if message.every_ms:
            misfire = Misfire.ONE if message.misses else Misfire.ALL
            context.remind("ring", every=message.every_ms / 1000, misfire=misfire)
        else:
            context.remind("ring", after=message.after_ms / 1000)
        return message.times

    @reminder
    async def ring(self, tick: Tick, context: Context) -> None:
        """Note it here and there."""
        rung = (self.state.op, round(tick.due.timestamp() * 1000), tick.missed)
        self.state.ticks.append(rung)
        context.send(WITNESS, Rang(rung))
        if len(self.state.ticks) >= self.state.times:
            context.forget("ring")

    @query(creates=True)
    async def read(self, message: GetTicks, context: Context) -> list[Rung]:
        """Every tick that it handled."""
        return self.state.ticks


class WitnessState(State):
    """Ticks by alarm."""

    heard: dict[str, list[Rung]] = msgspec.field(default_factory=dict)


class GetHeard(Request[dict[str, list[Rung]]], frozen=True):
    """All of it."""


@entity("witness", idle_after=2.0)
class Witness(Entity[WitnessState]):
    """Hears of every tick."""

    @command(creates=True)
    async def hear(self, message: Rang, context: Context) -> None:
        """Note one."""
        self.state.heard.setdefault(str(context.sender), []).append(message.tick)

    @query(creates=True)
    async def read(self, message: GetHeard, context: Context) -> dict[str, list[Rung]]:
        """All that it heard."""
        return self.state.heard


class AlarmPart(Part):
    """Sets every alarm once."""

    entities = (
        Alarm,
        Witness,
    )

    async def work(self) -> None:
        """See the class."""
        for number in range(ALARMS):
            await asyncio.sleep(self.rng.uniform(0.2, 1.0))
            every_ms = self.rng.choice([0, 500, 1_200])
            misses = self.rng.random() < 0.5
            times = self.rng.randrange(2, 5) if every_ms else 1
            after_ms = round(self.rng.uniform(0, 4_000))
            message = SetAlarm(times, every_ms, after_ms, misses)
            alarm = EntityId("alarm", str(number))
            await self.do("remind", alarm, message, [times, every_ms, misses])

    async def finish(self) -> None:
        """Note what every alarm handled, and what the witness heard of it."""
        await self.set_clocks_ahead()
        await self.until(self._rests)
        heard = await self.look(WITNESS, GetHeard())
        for alarm in self._alarms():
            ticks = await self.look(alarm, GetTicks())
            self.note("ticks", alarm, {"ticks": ticks, "heard": heard.get(str(alarm), [])})

    def _alarms(self) -> list[EntityId]:
        return [EntityId("alarm", str(number)) for number in range(ALARMS)]

    async def _rests(self) -> bool:
        heard = await self.look(WITNESS, GetHeard())
        due = sum(operation.value[0] for operation in self.client.made if operation.settled)
        return bool(sum(len(ticks) for ticks in heard.values()) >= due)
