"""People who chat all the while, lose their connection, and write down all they are shown.

In a test::

    async with Workload(base_url, token, people=6) as workload:
        interrupted = await workload.streaming(at_least=2)
        ...                                   # kill something
        await workload.finish()
        await workload.judge()
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

WORDS = (56, 12)
"""In a message of the patient and of the impatient; the answer has three more."""
FAR_FROM_ITS_END = 100
"""Characters of an answer still to come, at four to a word."""
BACK_OFF_FIRST_S = 0.05
BACK_OFF_LONGEST_S = 0.5
FINISH_S = 45.0


@dataclass
class Said:
    """One message and all that its client was shown of the answer."""

    client_id: str
    content: str
    expected: str
    turn: str = ""
    text: str = ""
    generation: int = 0
    resets: int = 0
    done: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether the client knows its end."""
        return self.done is not None or self.error is not None

    @property
    def in_the_middle(self) -> bool:
        """Whether the answer has begun to stream and is far from its end."""
        missing = len(self.expected) - len(self.text)
        return not self.ended and bool(self.text) and missing > FAR_FROM_ITS_END


class Person:
    """One client on one conversation of its own.

    Args:
        session: Carries the token.
        name: Begins the ids of its messages.
        changed: Told of every frame.
        words: Length of a message.
        depth: Messages that may be without their answer at the same time.
        messages: How many to send; None for until told to stop.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        name: str,
        changed: asyncio.Condition,
        words: int,
        *,
        depth: int = 1,
        messages: int | None = None,
    ) -> None:
        self.conversation_id = str(uuid.uuid4())
        self.said: list[Said] = []
        self.frames: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.connections = 0
        self.talking = True
        self._session = session
        self._name = name
        self._changed = changed
        self._depth = depth
        self._words = words
        self._most = messages

    @property
    def unanswered(self) -> list[Said]:
        """What it waits for."""
        return [said for said in self.said if not said.ended]

    async def run(self) -> None:
        """Talk until it has said and heard everything, over as many sockets as that takes."""
        wait_s = BACK_OFF_FIRST_S
        while self.talking or self.unanswered:
            try:
                async with self._session.ws_connect(f"/ws/chat/{self.conversation_id}") as socket:
                    self.connections += 1
                    wait_s = BACK_OFF_FIRST_S
                    await self._take_up(socket)
                    await self._listen(socket)
            except (aiohttp.ClientError, OSError):
                pass
            await asyncio.sleep(wait_s)
            wait_s = min(BACK_OFF_LONGEST_S, wait_s * 2)

    async def _take_up(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        known = [said for said in self.said if said.turn]
        if known:
            at = next((said for said in known if not said.ended), known[-1])
            resume = {"turn": at.turn, "generation": at.generation, "offset": len(at.text)}
            await socket.send_json({"type": "resume", **resume})
        for said in self.said:
            if not said.turn and not said.ended:
                await self._send(socket, said)
        await self._go_on(socket)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame = message.json()
            self.frames.append(frame)
            await self._hear(socket, frame)
            async with self._changed:
                self._changed.notify_all()
            await self._go_on(socket)
            if not (self.talking or self.unanswered):
                return

    async def _go_on(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Say the next thing, once the last one is accepted and there is room."""
        if self.said and not self.said[-1].turn:
            return
        if self._most is not None and len(self.said) >= self._most:
            self.talking = False
        if self.talking and len(self.unanswered) < self._depth:
            number = len(self.said) + 1
            client_id = f"{self._name}-{number}"
            content = " ".join([client_id, *(f"w{at}" for at in range(1, self._words))])
            said = Said(client_id, content, f"({2 * number - 1}) You said: {content}")
            self.said.append(said)
            await self._send(socket, said)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, said: Said) -> None:
        frame = {"type": "message", "id": said.client_id, "content": said.content}
        await socket.send_json(frame)

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "accepted":
            self._accepted(frame)
        elif kind == "error" and frame.get("id"):
            await self._refused(socket, frame)
        elif (said := self._turn(frame)) is None:
            self.violations.append(f"of a turn nobody began: {frame}")
        elif kind == "delta":
            self._delta(said, frame)
        elif kind == "reset":
            said.resets += 1
            said.generation, said.text = frame["generation"], ""
        elif kind == "done":
            self._done(said, frame)
        else:
            said.error = frame

    def _turn(self, frame: dict[str, Any]) -> Said | None:
        return next((said for said in self.said if said.turn == frame.get("turn")), None)

    def _accepted(self, frame: dict[str, Any]) -> None:
        said = next((one for one in self.said if one.client_id == frame["id"]), None)
        if said is None or said.turn not in ("", frame["turn"]):
            self.violations.append(f"accepted as another turn: {frame}")
        else:
            said.turn = frame["turn"]

    async def _refused(
        self, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]
    ) -> None:
        said = next(one for one in self.said if one.client_id == frame["id"])
        if frame["retryable"]:
            await asyncio.sleep(BACK_OFF_LONGEST_S)
            await self._send(socket, said)
        else:
            said.error = frame

    def _delta(self, said: Said, frame: dict[str, Any]) -> None:
        if said.text and frame["generation"] != said.generation:
            self.violations.append(f"a new generation without a reset: {frame}")
        if frame["offset"] != len(said.text) + len(frame["text"]):
            self.violations.append(f"{len(said.text)} characters were there before: {frame}")
        said.generation = frame["generation"]
        said.text += frame["text"]

    def _done(self, said: Said, frame: dict[str, Any]) -> None:
        if said.text != frame["message"]["message_content"]:
            self.violations.append(f"{said.text!r} was streamed, but done is {frame}")
        if said.done is not None and said.done["message"] != frame["message"]:
            self.violations.append(f"done twice, differently: {said.done}, {frame}")
        said.done = frame


class Onlooker(Person):
    """A second client of somebody's conversation, who only looks on."""

    def __init__(
        self, session: aiohttp.ClientSession, person: Person, changed: asyncio.Condition
    ) -> None:
        super().__init__(session, "", changed, 0)
        self.person = person
        self.conversation_id = person.conversation_id

    async def run(self) -> None:
        """Look on, from the first answer on."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(said.text for said in self.person.said))
        await super().run()

    @property
    def ended(self) -> list[str]:
        """The turns of which it was shown the end, in that order."""
        ends = (one["turn"] for one in self.frames if one["type"] in ("done", "error"))
        return list(dict.fromkeys(ends))

    @property
    def expected(self) -> list[str]:
        """All turns from the first of these on."""
        turns = [said.turn for said in self.person.said]
        return turns[turns.index(self.ended[0]) :] if self.ended else turns

    @property
    def has_seen_all(self) -> bool:
        """Whether it was shown the end of all that were begun."""
        return set(self.ended) >= set(self.expected)

    async def _go_on(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        return

    def _accepted(self, frame: dict[str, Any]) -> None:
        self._turn(frame)

    def _turn(self, frame: dict[str, Any]) -> Said | None:
        known = super()._turn(frame)
        if known is None:
            known = Said("", "", "", turn=frame["turn"])
            self.said.append(known)
        return known


@dataclass
class Workload:
    """Several people at once.

    Every second one is impatient: speaks short, and goes on while the answer streams. So there
    are turns that begin and end while their client is away. The first two have an onlooker each.

    Attributes:
        base_url: Where the front door answers.
        token: Whose conversations they are.
        people: How many.
    """

    base_url: str
    token: str
    people: int = 6
    persons: list[Person] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self.token}"}
        self._session = aiohttp.ClientSession(self.base_url, headers=headers)
        self._changed = asyncio.Condition()
        self.persons = [
            Person(
                self._session, f"p{number}", self._changed, WORDS[number % 2], depth=1 + number % 2
            )
            for number in range(self.people)
        ]
        self.onlookers = [
            Onlooker(self._session, person, self._changed) for person in self.persons[:2]
        ]
        self._talking = [asyncio.create_task(person.run()) for person in self.persons]
        self._looking = [asyncio.create_task(onlooker.run()) for onlooker in self.onlookers]
        return self

    async def __aexit__(self, *exc: object) -> None:
        running = [*self._talking, *self._looking]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._session.close()

    @property
    def _ended(self) -> int:
        return sum(said.ended for person in self.persons for said in person.said)

    def interrupted(self) -> list[Said]:
        """The turns whose answers are streaming right now, by what their clients have seen."""
        return [said for person in self.persons for said in person.said if said.in_the_middle]

    async def streaming(self, at_least: int, patience_s: float = 15.0) -> list[Said]:
        """Wait until so many answers are in the middle of their stream; returns them."""
        await self._until(lambda: len(self.interrupted()) >= at_least, patience_s)
        return self.interrupted()

    async def ended(self, turns: list[Said], patience_s: float) -> None:
        """Wait until these have ended."""
        await self._until(lambda: all(said.ended for said in turns), patience_s)

    async def more_turns(self, count: int, patience_s: float = 15.0) -> None:
        """Wait until so many more have ended."""
        wanted = self._ended + count
        await self._until(lambda: self._ended >= wanted, patience_s)

    async def finish(self) -> None:
        """Stop talking, and hear all answers out."""
        for person in self.persons:
            person.talking = False
        try:
            async with asyncio.timeout(FINISH_S):
                await asyncio.gather(*self._talking)
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: all(onlooker.has_seen_all for onlooker in self.onlookers)
                    )
        except TimeoutError:
            waiting = [said for person in self.persons for said in person.unanswered]
            missed = [set(one.expected) - set(one.ended) for one in self.onlookers]
            raise AssertionError(f"never ended: {waiting}; not seen: {missed}") from None

    async def probe(self, began: float, patience_s: float = 60.0) -> float:
        """A short turn in a new conversation; returns the seconds from `began` to its end."""
        probing = Person(self._session, "probe", self._changed, 2, messages=1)
        async with asyncio.timeout(patience_s):
            await probing.run()
        assert probing.violations == []
        assert probing.said[0].text == probing.said[0].expected, probing.frames
        return time.monotonic() - began

    async def history(self, conversation_id: str) -> list[dict[str, Any]]:
        """What the history holds."""
        path = f"/api/chat/history/{conversation_id}"
        async with self._session.get(path, params={"limit": "1000"}) as response:
            assert response.status == 200, await response.text()
            messages: list[dict[str, Any]] = await response.json()
        return messages

    async def judge(self) -> int:
        """Hold what was shown against what is kept; returns how many turns that were."""
        for person in self.persons:
            judge(person, await self.history(person.conversation_id))
        for onlooker in self.onlookers:
            assert onlooker.violations == []
            assert onlooker.ended == onlooker.expected
            assert [said for said in onlooker.said if said.error or not said.done] == []
        return sum(len(person.said) for person in self.persons)

    async def _until(self, holds: Callable[[], bool], patience_s: float) -> None:
        async with asyncio.timeout(patience_s), self._changed:
            await self._changed.wait_for(holds)


def judge(person: Person, history: list[dict[str, Any]]) -> None:
    """Everything said is kept once and in order, and answered once, with what was streamed.

    The upstream is healthy, so no turn may end in an error.
    """
    assert person.violations == []
    assert [said for said in person.said if said.error or not said.done] == []
    asked = [one["message_content"] for one in history if one["sender"] == "user"]
    answers = [one for one in history if one["sender"] != "user"]
    assert asked == [said.content for said in person.said]
    assert [one["message_content"] for one in answers] == [said.expected for said in person.said]
    for said, answer in zip(person.said, answers, strict=True):
        assert said.done is not None
        assert said.done["message"] == answer
        assert said.text == answer["message_content"]
        assert said.done["generation"] == said.generation
    assert len({one["id"] for one in history}) == len(history)
