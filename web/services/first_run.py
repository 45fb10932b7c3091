"""What happens once the host can be reached: the administrator, then the models around."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import select

from actors import names
from actors.accounts.messages import CreateUser
from vareon_runtime.errors import Conflict, OutcomeUnknown, Overloaded, StaleOwner, StoreFailed
from vareon_runtime.identity import Principal
from vareon_runtime.models import LlmProviderRow
from vareon_runtime.routing.bus import MessageBus
from web.services.accounts import Rows
from web.services.passwords import Passwords

SYSTEM = Principal("system", ("admin",))
_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_MOST_PROVIDERS = 1000

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
    def models(self) -> tuple[str, ...]:
        """Its chat models."""
        ...

    @property
    def note(self) -> str:
        """Why there are none."""
        ...


Discover = Callable[[Mapping[str, str]], Awaitable[list[Found]]]
"""Looks around: takes the ids of the known providers by name, makes the found ones known."""


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


async def look_around(rows: Rows, discover: Discover) -> list[dict[str, Any]]:
    """Find providers and make them known; what is told of each goes to the terminal."""
    statement = select(LlmProviderRow.id, LlmProviderRow.name).limit(_MOST_PROVIDERS)
    known = {row.name: row.id for row in await rows.rows(statement)}
    found = await discover(known)
    return [{"name": one.name, "models": len(one.models), "note": one.note} for one in found]


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
