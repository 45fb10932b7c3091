"""How the modules are, in the caller's own numbers.

A module joins by its figures in `FIGURES`. All figures of a caller are one query, and what it
found is kept for a moment, for that caller alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import aliased

from vareon_runtime.clock import Clock
from vareon_runtime.errors import VareonError
from vareon_runtime.models import ChatMessageRow, ConversationRow, LlmModelRow, LlmProviderRow
from web.schemas.status import ModuleStatus, SystemStatus
from web.services.accounts import Rows
from web.services.readiness import Readiness
from web.services.uptime import format_timedelta

ONLINE, OFFLINE = "online", "offline"
REMEMBERED_S = 5.0
MOST_REMEMBERED = 1_000
_RECENT_CHATS, _RECENT_ANSWERS = 20, 100

Figure = Callable[[str], ScalarSelect[Any]]
"""A number of one user's, as a scalar query."""


def _chats(user_id: str) -> ScalarSelect[Any]:
    owned = ConversationRow.user_id == user_id
    return select(func.count()).select_from(ConversationRow).where(owned).scalar_subquery()


def _said(user_id: str, sender: str | None = None) -> ScalarSelect[Any]:
    # By way of the conversations, whose owner is indexed.
    statement = (
        select(func.count())
        .select_from(ConversationRow)
        .join(ChatMessageRow, ChatMessageRow.conversation_id == ConversationRow.id)
        .where(ConversationRow.user_id == user_id)
    )
    if sender is not None:
        statement = statement.where(ChatMessageRow.sender == sender)
    return statement.scalar_subquery()


def _answer_s(user_id: str) -> ScalarSelect[Any]:
    """Seconds from what the user said to the answer, on average over the newest."""
    recent = (
        select(ConversationRow.id)
        .where(ConversationRow.user_id == user_id)
        .order_by(ConversationRow.updated_at.desc())
        .limit(_RECENT_CHATS)
    )
    asked, told = aliased(ChatMessageRow), aliased(ChatMessageRow)
    same_turn = (asked.conversation_id == told.conversation_id) & (asked.turn_id == told.turn_id)
    took = (
        select(_seconds(asked.timestamp, told.timestamp).label("took"))
        .select_from(told)
        .join(asked, same_turn & (asked.sender == "user"))
        .where(told.conversation_id.in_(recent), told.sender == "llm")
        .order_by(told.timestamp.desc())
        .limit(_RECENT_ANSWERS)
        .subquery()
    )
    return select(func.avg(took.c.took)).scalar_subquery()


def _seconds(begin: Any, end: Any) -> ColumnElement[Any]:
    return (func.julianday(end) - func.julianday(begin)) * 86_400.0


def _active_models(_: str) -> ScalarSelect[Any]:
    usable = LlmModelRow.is_active & LlmProviderRow.enabled
    return (
        select(func.count())
        .select_from(LlmModelRow)
        .join(LlmProviderRow, LlmProviderRow.id == LlmModelRow.provider_id)
        .where(usable)
        .scalar_subquery()
    )


FIGURES: dict[str, dict[str, Figure]] = {
    "arcana": {
        "active_chats": _chats,
        "messages_processed": _said,
        "avg_response_time": _answer_s,
    },
    "cognisys": {
        "models_active": _active_models,
        "requests_routed": lambda user_id: _said(user_id, "llm"),
    },
}
"""The modules that are there, and what each counts; any other is offline."""


class Status:
    """Counts for one caller at a time.

    Args:
        rows: Runs the query.
        readiness: Tells whether the modules can be reached at all.
        clock: Tells how long that has been so.
        started_s: When the system was started.
    """

    def __init__(self, rows: Rows, readiness: Readiness, clock: Clock, started_s: float) -> None:
        self._rows = rows
        self._readiness = readiness
        self._clock = clock
        self._started_s = started_s
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    async def of(self, user_id: str) -> SystemStatus:
        """The four modules."""
        found = await self._figures(user_id)
        reachable = await self._reachable()
        uptime = format_timedelta(self._clock.time() - self._started_s)
        modules = {
            name: self._module(name, found, uptime, reachable=reachable)
            for name in SystemStatus.__struct_fields__
        }
        return SystemStatus(**modules)

    def _module(
        self, name: str, found: Mapping[str, Any], uptime: str, *, reachable: bool
    ) -> ModuleStatus:
        if name not in FIGURES:
            return ModuleStatus(OFFLINE, "0s")
        figures: dict[str, Any] = {
            figure: found[f"{name}.{figure}"] or 0 for figure in FIGURES[name]
        }
        if "avg_response_time" in figures:
            figures["avg_response_time"] = f"{figures['avg_response_time']:.1f}s"
        return ModuleStatus(ONLINE if reachable else OFFLINE, uptime, **figures)

    async def _reachable(self) -> bool:
        try:
            await self._readiness.checked()
        except VareonError:
            return False
        return True

    async def _figures(self, user_id: str) -> Mapping[str, Any]:
        good_until, found = self._known.get(user_id, (float("-inf"), {}))
        now = self._clock.monotonic()
        if now < good_until:
            return found
        statement = select(
            *(
                figure(user_id).label(f"{module}.{name}")
                for module, figures in FIGURES.items()
                for name, figure in figures.items()
            )
        )
        (row,) = await self._rows.rows(statement)
        found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        self._known[user_id] = (now + REMEMBERED_S, found)
        self._known.move_to_end(user_id)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found
