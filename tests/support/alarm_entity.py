"""An entity whose whole life is reminders."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from tests.support.bench_entity import Gate
from vareon_runtime.clock import seconds
from vareon_runtime.entity import (
    Context,
    Entity,
    Misfire,
    Request,
    State,
    Tick,
    command,
    entity,
    query,
    reminder,
)
from vareon_runtime.errors import UpstreamTimeout
from vareon_runtime.models import UserRow


class AlarmState(State):
    rung: list[str] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)
    failures: int = 0


class Beat(Request[bool]):
    every: float
    misfire: Misfire = Misfire.ONE


class WakeAfter(Request[bool]):
    after: float
    text: str = "woken"


class WakeAt(Request[bool]):
    at: datetime


class WorkingDays(Request[bool]):
    cron: str
    zone: str


class FailFor(Request[bool]):
    times: int
    every: float = 0.0


class Ring(Request[bool]):
    text: str


class Quiet(Request[bool]):
    pass


class Demolish(Request[bool]):
    pass


class Misname(Request[bool]):
    pass


class Chain(Request[bool]):
    pass


class Remind(Request[bool]):
    name: str
    after: float


class GetRung(Request[list[str]]):
    pass


class GetMissed(Request[list[int]]):
    pass


@entity("alarm")
class Alarm(Entity[AlarmState]):
    """Rings, and remembers at which second."""

    @command(creates=True)
    async def beat(self, message: Beat, context: Context) -> bool:
        await context.remind("heartbeat", every=seconds(message.every), misfire=message.misfire)
        return True

    @command(creates=True)
    async def wake_after(self, message: WakeAfter, context: Context) -> bool:
        context.remind(message.text, after=message.after, message=Ring(message.text))
        return True

    @command(creates=True)
    async def wake_at(self, message: WakeAt, context: Context) -> bool:
        await context.remind("wake", at=message.at, message=Ring("at"))
        return True

    @command(creates=True)
    async def working_days(self, message: WorkingDays, context: Context) -> bool:
        await context.remind("heartbeat", cron=message.cron, zone=message.zone)
        return True

    @command(creates=True)
    async def fail_for(self, message: FailFor, context: Context) -> bool:
        self.state.failures = message.times
        if message.every:
            await context.remind("fragile", every=message.every)
        else:
            await context.remind("fragile", after=1.0)
        return True

    @command(creates=True)
    async def chain(self, message: Chain, context: Context) -> bool:
        await context.remind("link", after=1.0)
        return True

    @command
    async def ring(self, message: Ring, context: Context) -> bool:
        self.state.rung.append(message.text)
        return True

    @command
    async def quiet(self, message: Quiet, context: Context) -> bool:
        await context.forget("heartbeat")
        return True

    @command
    async def demolish(self, message: Demolish, context: Context) -> bool:
        context.delete()
        return True

    @command(creates=True)
    async def misname(self, message: Misname, context: Context) -> bool:
        await context.remind("nobody", after=1.0)
        return True

    @command(creates=True)
    async def remind(self, message: Remind, context: Context) -> bool:
        await context.remind(message.name, after=message.after)
        return True

    @query
    async def rung(self, message: GetRung, context: Context) -> list[str]:
        return self.state.rung

    @query
    async def missed(self, message: GetMissed, context: Context) -> list[int]:
        return self.state.missed

    @reminder
    async def heartbeat(self, tick: Tick, context: Context) -> None:
        """Ring."""
        gate = context.resource(Gate)
        gate.calls.append(tick.name)
        gate.reached.set()
        self.state.rung.append(tick.due.strftime("%H:%M:%S"))
        self.state.missed.append(tick.missed)

    @reminder
    async def fragile(self, tick: Tick, context: Context) -> None:
        """Fail as often as was asked for."""
        gate = context.resource(Gate)
        gate.calls.append("fragile")
        if len(gate.calls) <= self.state.failures:
            self.state.rung.append("must be rolled back")
            raise UpstreamTimeout("It is silent.")
        self.state.rung.append(tick.due.strftime("%H:%M:%S"))

    @reminder
    async def hang(self, tick: Tick, context: Context) -> None:
        """Wait for ever, the first time."""
        gate = context.resource(Gate)
        if not gate.calls:
            await gate.pass_through("hang")
        self.state.rung.append("passed")

    @reminder
    async def take_name(self, tick: Tick, context: Context) -> None:
        """Take a name that only one may have."""
        context.insert(
            UserRow,
            id=self.key,
            username="the one",
            hashed_password="x",
            is_active=True,
            created_at=context.now(),
            updated_at=context.now(),
        )
        self.state.rung.append("taken")

    @reminder
    async def link(self, tick: Tick, context: Context) -> None:
        """Set itself anew, three times in all."""
        self.state.rung.append(tick.due.strftime("%H:%M:%S"))
        if len(self.state.rung) < 3:
            await context.remind("link", after=1.0)
