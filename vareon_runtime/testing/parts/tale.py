"""Streams in the workload: tellers, and listeners that come and go, by any front door."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from vareon_runtime.entity import (
    Context,
    Delta,
    EffectContext,
    Entity,
    Event,
    Position,
    Request,
    Reset,
    State,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.testing.parts.part import Part
from vareon_runtime.testing.workload import Client
from vareon_runtime.testing.workload_entities import PATIENT

TELLERS = 4
LISTEN_WITHIN_S = 60.0
Tale = tuple[int, str]
"""A generation and its text."""


class TaleEnded(Event, frozen=True):
    """A stream is over."""

    stream: str

    def ends(self) -> str | None:
        """See `Event.ends`."""
        return self.stream


class TellerState(State):
    """What came of each stream."""

    told: dict[str, Tale] = msgspec.field(default_factory=dict)


class Tell(Request[bool], frozen=True):
    """Tell two tales at once, of so many pieces; their streams are named by this message's id."""

    pieces: int


class GetTold(Request[dict[str, Tale]], frozen=True):
    """What came of them."""


@entity("teller", idle_after=2.0)
class Teller(Entity[TellerState]):
    """Writes streams, and keeps what they came to."""

    @command(creates=True)
    async def tell(self, message: Tell, context: Context) -> bool:
        """Begin both."""
        op = context.message_id.hex()
        for stream, pieces in ((op, message.pieces), (f"{op}+", message.pieces // 2)):
            context.start(self.speak(stream, pieces), then=self.spoke)
        return True

    @effect(retry=PATIENT)
    async def speak(self, stream: str, pieces: int, context: EffectContext) -> tuple[str, int, str]:
        """Piece by piece; those of another attempt differ."""
        text = ""
        for number in range(pieces):
            piece = f"{context.attempt}.{number} "
            context.write(stream, piece)
            text += piece
            await asyncio.sleep(0.02 if number % 3 else 0.3)
        return stream, context.attempt, text

    async def spoke(self, tale: tuple[str, int, str], context: Context) -> None:
        """Keep it."""
        stream, generation, text = tale
        self.state.told[stream] = (generation, text)
        context.emit(TaleEnded(stream))

    async def catch_up(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        """The rest of the stream that a listener names."""
        if position.stream not in self.state.told:
            return ()
        generation, text = self.state.told[position.stream]
        frames: list[Event | Delta | Reset] = []
        at = position.offset if position.generation else 0
        if position.generation not in (0, generation):
            frames.append(Reset(position.stream, generation))
            at = 0
        if at < len(text):
            frames.append(Delta(position.stream, generation, len(text), text[at:]))
        return [*frames, TaleEnded(position.stream)]

    @query(creates=True)
    async def read(self, message: GetTold, context: Context) -> dict[str, Tale]:
        """All that it told."""
        return self.state.told


class Listener:
    """Reads one stream to its end, from where it stands, at any number of sittings."""

    def __init__(self, part: TalePart, teller: EntityId, stream: str, name: str) -> None:
        self._part = part
        self._teller = teller
        self._stream = stream
        self._name = name
        self._at = Position(stream, 0, 0)
        self._sittings = 0

    async def listen(self) -> None:
        """Until the end."""
        rng, simulation = self._part.rng, self._part.simulation
        fields = {"client": self._name, "op": self._name, "entity": str(self._teller)}
        simulation.record("invoke", kind="listen", value=self._stream, **fields)
        ended = False
        while not ended:
            door, patience = rng.choice(self._part.client.doors), rng.randrange(3, 25)
            self._sittings += 1
            try:
                ended = await door.held(lambda: self._sit(door.bus, patience))  # noqa: B023
            except VareonError:
                await asyncio.sleep(0.1)
        simulation.record("ok", kind="listen", **fields)

    async def _sit(self, bus: LinkBus, patience: int) -> bool:
        """Take so many frames; whether the last one was the end."""
        async with bus.subscribe(self._teller, position=self._at) as frames:
            async for frame in frames:
                self._note(frame)
                if isinstance(frame, TaleEnded) and frame.stream == self._stream:
                    return True
                patience -= 1
                if not patience:
                    break
        return False

    def _note(self, frame: Event | Delta | Reset) -> None:
        if isinstance(frame, Delta):
            value: list[Any] = ["delta", frame.generation, frame.offset, frame.text]
        elif isinstance(frame, Reset):
            value = ["reset", frame.generation, 0, ""]
        elif isinstance(frame, TaleEnded):
            value = ["end", 0, 0, ""]
        else:
            return
        own = frame.stream == self._stream
        if own and not isinstance(frame, TaleEnded):
            self._at = Position(frame.stream, value[1], value[2])
        # What runs beside it is shown from its beginning at every sitting.
        name = self._name if own else f"{self._name}.{self._sittings}"
        self._part.simulation.record(
            "frame", client=name, op=frame.stream, entity=str(self._teller), value=value
        )


class TalePart(Part):
    """Has tales told, and listens to each at once and once more later."""

    entities = (Teller,)

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._listening: list[asyncio.Task[None]] = []

    async def work(self) -> None:
        """See the class."""
        for number in range(TELLERS):
            await asyncio.sleep(self.rng.uniform(0.2, 1.6))
            teller = EntityId("teller", str(number))
            told = await self.do("tell", teller, Tell(self.rng.randrange(4, 24)))
            if told.settled:
                op = told.message_id.hex()
                self._listen(teller, op, 0.0)
                self._listen(teller, op, self.rng.uniform(0.1, 3.0))

    async def finish(self) -> None:
        """Note what was kept."""
        made = [tale for tale in self.client.made if tale.settled]

        async def rests() -> bool:
            told = [await self.look(tale.entity, GetTold()) for tale in made]
            return all(len(kept) == 2 for kept in told)

        await self.until(rests)
        if self._listening:
            _, late = await asyncio.wait(self._listening, timeout=LISTEN_WITHIN_S)
            for listening in late:
                listening.cancel()
        for number in range(TELLERS):
            teller = EntityId("teller", str(number))
            self.note("told", teller, await self.look(teller, GetTold()))

    def _listen(self, teller: EntityId, op: str, pause_s: float) -> None:
        name = f"listener-{len(self._listening)}"

        async def later() -> None:
            await asyncio.sleep(pause_s)
            await Listener(self, teller, op, name).listen()

        self._listening.append(asyncio.ensure_future(later()))
