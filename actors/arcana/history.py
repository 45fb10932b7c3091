"""What was said in a conversation, as its activation keeps it in memory.

The rows are the truth; this copy saves reading them for every turn. It is bounded: beyond
the bound the oldest turns are forgotten here, and `complete` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Executable, func, select

from actors.cognisys.completion import Said
from vareon_runtime.models import ChatMessageRow

MAX_MESSAGES = 2_000
MAX_CHARACTERS = 4_000_000


@dataclass(slots=True)
class Exchange:
    """One turn: what the user said and, once there is one, the answer."""

    turn_id: str
    message_id: str
    client_id: str | None
    question: str
    answer: str | None = None

    @property
    def size(self) -> int:
        """Characters held."""
        return len(self.question) + len(self.answer or "")


class History:
    """The newest turns of one conversation, oldest first.

    Attributes:
        complete: Whether nothing older was left out.
    """

    __slots__ = ("_by_client", "_characters", "_exchanges", "_messages", "complete")

    def __init__(self) -> None:
        self._exchanges: dict[str, Exchange] = {}
        self._by_client: dict[str, str] = {}
        self._characters = 0
        self._messages = 0
        self.complete = True

    @classmethod
    def of_rows(cls, rows: Iterable[Any], *, complete: bool) -> History:
        """Rebuild it from what `newest_messages` selected."""
        history = cls()
        for row in rows:
            if row.sender == "user":
                history.ask(Exchange(row.turn_id, row.id, row.client_id, row.message_content))
            else:
                history.answer(row.turn_id, row.message_content)
        history.complete = history.complete and complete
        return history

    def ask(self, exchange: Exchange) -> None:
        """Add what the user said."""
        self._exchanges[exchange.turn_id] = exchange
        if exchange.client_id is not None:
            self._by_client[exchange.client_id] = exchange.turn_id
        self._messages += 1
        self._characters += exchange.size
        self._forget_oldest()

    def answer(self, turn_id: str, text: str) -> None:
        """Add the answer of a turn; one whose question is forgotten is forgotten too."""
        exchange = self._exchanges.get(turn_id)
        if exchange is None:
            return
        exchange.answer = text
        self._messages += 1
        self._characters += len(text)
        self._forget_oldest()

    def by_client_id(self, client_id: str) -> Exchange | None:
        """The turn that a client's own id began."""
        turn_id = self._by_client.get(client_id)
        return None if turn_id is None else self._exchanges.get(turn_id)

    def after(self, turn_id: str) -> list[Exchange]:
        """The turns that were accepted after this one, oldest first; none if it is unknown."""
        if turn_id not in self._exchanges:
            return []
        newest_first = reversed(self._exchanges.values())
        later = list(takewhile(lambda one: one.turn_id != turn_id, newest_first))
        later.reverse()
        return later

    def prompt(self, turn_id: str) -> list[Said]:
        """Everything said up to a turn's question, turn by turn.

        A question that was accepted while another was answered stands behind that answer,
        although its row is older: that is the order in which the model is asked.
        """
        said: list[Said] = []
        for exchange in self._exchanges.values():
            said.append(Said("user", exchange.question))
            if exchange.turn_id == turn_id:
                return said
            if exchange.answer is not None:
                said.append(Said("assistant", exchange.answer))
        return said

    def _forget_oldest(self) -> None:
        while len(self._exchanges) > 1 and (
            self._messages > MAX_MESSAGES or self._characters > MAX_CHARACTERS
        ):
            oldest = self._exchanges.pop(next(iter(self._exchanges)))
            if oldest.client_id is not None:
                self._by_client.pop(oldest.client_id, None)
            self._messages -= 1 if oldest.answer is None else 2
            self._characters -= oldest.size
            self.complete = False


def newest_messages(conversation_id: str) -> Executable:
    """The newest rows that fit the bounds, oldest first."""
    newest = (
        select(
            ChatMessageRow.id,
            ChatMessageRow.turn_id,
            ChatMessageRow.client_id,
            ChatMessageRow.sender,
            ChatMessageRow.message_content,
            ChatMessageRow.position,
        )
        .where(ChatMessageRow.conversation_id == conversation_id)
        .order_by(ChatMessageRow.position.desc())
        .limit(MAX_MESSAGES)
        .subquery()
    )
    running = func.sum(func.length(newest.c.message_content)).over(
        order_by=newest.c.position.desc()
    )
    measured = select(newest, running.label("running")).subquery()
    return (
        select(measured).where(measured.c.running <= MAX_CHARACTERS).order_by(measured.c.position)
    )


def question_of(conversation_id: str, client_id: str) -> Executable:
    """The row that a client's own id left, for turns that are no longer in memory."""
    return (
        select(ChatMessageRow.id, ChatMessageRow.turn_id, ChatMessageRow.message_content)
        .where(
            ChatMessageRow.conversation_id == conversation_id,
            ChatMessageRow.client_id == client_id,
            ChatMessageRow.sender == "user",
        )
        .limit(1)
    )


_TURN = (
    ChatMessageRow.id,
    ChatMessageRow.turn_id,
    ChatMessageRow.user_id,
    ChatMessageRow.sender,
    ChatMessageRow.message_content,
    ChatMessageRow.generation,
    ChatMessageRow.model_name,
    ChatMessageRow.prompt_tokens,
    ChatMessageRow.completion_tokens,
    ChatMessageRow.timestamp,
)


def turn_rows(conversation_id: str, turn_id: str) -> Executable:
    """Both rows of a turn."""
    return (
        select(*_TURN)
        .where(
            ChatMessageRow.conversation_id == conversation_id,
            ChatMessageRow.turn_id == turn_id,
        )
        .order_by(ChatMessageRow.position)
    )


def answers_of(conversation_id: str, turn_ids: Sequence[str]) -> Executable:
    """The answers of some turns."""
    return select(*_TURN).where(
        ChatMessageRow.conversation_id == conversation_id,
        ChatMessageRow.turn_id.in_(turn_ids),
        ChatMessageRow.sender == "llm",
    )
