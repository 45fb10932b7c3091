"""What happens once the host can be reached: the administrator, then the models around."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import and_, func, select

from actors import names
from actors.accounts.messages import CreateUser
from actors.system.messages import WatchDeadLetters
from vareon_runtime.errors import Conflict, OutcomeUnknown, Overloaded, StaleOwner, StoreFailed
from vareon_runtime.identity import Principal
from vareon_runtime.models import LlmModelRow, LlmProviderRow
from vareon_runtime.routing.bus import MessageBus
from web.services.accounts import Rows
from web.services.passwords import Passwords

SYSTEM = Principal("system", ("admin",))
_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_MOST_PROVIDERS = 1000
_MOST_TOLD = 20

T = TypeVar("T")


class Probe(Protocol):
    """Goes to a host and back."""

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        """Raises `Unavailable` while there is no way."""
        ...


class Found(Protocol):
    """A provider that was found around here."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def base_url(self) -> str:
        """Where it is."""
        ...

    @property
    def note(self) -> str:
        """What is in its way."""
        ...


Discover = Callable[[Mapping[str, str]], Awaitable[list[Found]]]
"""Looks around: takes the ids of the known providers, by name and by address, and makes the
found ones known."""

_PROVIDERS = (
    select(
        LlmProviderRow.id,
        LlmProviderRow.name,
        LlmProviderRow.base_url,
        LlmProviderRow.enabled,
        func.count(LlmModelRow.id).label("models"),
    )
    .outerjoin(
        LlmModelRow,
        and_(LlmModelRow.provider_id == LlmProviderRow.id, LlmModelRow.is_active.is_(True)),
    )
    .group_by(LlmProviderRow.id)
    .order_by(LlmProviderRow.created_at, LlmProviderRow.id)
    .limit(_MOST_PROVIDERS)
)


async def reach_host(probe: Probe) -> None:
    """Wait until a host answers through the router."""
    await _insist(probe.probe)


async def ensure_admin(
    bus: MessageBus, passwords: Passwords, admin_id_file: Path, password_file: Path
) -> bool:
    """Create the first administrator while the first password is still there.

    Returns:
        Whether the account was made just now.
    """
    password = _text(password_file)
    if password is None:
        return False
    admin_id = (_text(admin_id_file) or "").strip()
    hashed = await passwords.hashed(password)

    async def create() -> bool:
        message = CreateUser(username="admin", hashed_password=hashed, roles=("admin",))
        try:
            await bus.ask(names.user(admin_id), message, principal=SYSTEM)
        except Conflict:
            return False
        return True

    return await _insist(create)


async def watch_dead_letters(bus: MessageBus) -> None:
    """Have administrators told of messages that are set aside."""

    async def begin() -> bool:
        return await bus.ask(names.dead_letter_watch(), WatchDeadLetters(), principal=SYSTEM)

    await _insist(begin)


async def look_around(rows: Rows, discover: Discover) -> list[dict[str, Any]]:
    """Find providers and make them known.

    Returns:
        For the terminal: every provider whose models answer, found just now or long known, and
        whatever was found but is of no use yet, with the reason.
    """
    found = await discover(_known(await rows.rows(_PROVIDERS)))
    providers = await rows.rows(_PROVIDERS)
    known = _known(providers)
    notes = {known.get(one.name) or known.get(one.base_url) or one.name: one for one in found}
    told = []
    for row in providers:
        if row.enabled and row.models:
            one = notes.pop(row.id, None)
            told.append(_source(row.name, row.models, one.note if one else ""))
    told += [_source(one.name, 0, one.note) for one in notes.values() if one.note]
    return _shortened(told)


def _known(providers: Sequence[Any]) -> dict[str, str]:
    """Ids by name and by address; of several at one address, the oldest's."""
    by_address: dict[str, str] = {}
    for row in providers:
        by_address.setdefault(row.base_url, row.id)
    return by_address | {row.name: row.id for row in providers}


def _shortened(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most a screenful, since it goes to the parent as one line of bounded length."""
    more = told[_MOST_TOLD:]
    if not more:
        return told
    rest = _source(f"{len(more)} more", sum(one["models"] for one in more), "")
    return [*told[:_MOST_TOLD], rest]


def _source(name: str, models: int, note: str) -> dict[str, Any]:
    return {"name": name, "models": models, "note": note}


async def _insist(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until it works; a host that is still starting is no reason to give up."""
    wait_s = _WAIT_S
    while True:
        try:
            return await attempt()
        except (OutcomeUnknown, Overloaded, StaleOwner, StoreFailed):
            await asyncio.sleep(wait_s)
            wait_s = min(_LONGEST_WAIT_S, wait_s * 2)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8") or None
    except FileNotFoundError:
        return None
