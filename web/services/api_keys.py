"""Personal keys: shown once, stored as a digest, good for a part of what their owner may do."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from actors import names
from actors.sign_in.messages import ApiKeyView, CreateApiKey, DeleteApiKey
from vareon_runtime.clock import Clock, utc
from vareon_runtime.errors import NotAuthenticated, NotPermitted
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.models import ApiKeyRow
from vareon_runtime.routing.bus import MessageBus
from web.caller import Caller
from web.keyed import is_keyed
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

PREFIX = "vk_"
LENGTH = len(PREFIX) + 64
_SECRET = 32
_SHOWN = 11
_REFUSAL = "Could not validate credentials"
_KEY: AnySelect = select(
    ApiKeyRow.id,
    ApiKeyRow.user_id,
    ApiKeyRow.name,
    ApiKeyRow.shown,
    ApiKeyRow.hashed_key,
    ApiKeyRow.permissions,
    ApiKeyRow.created_at,
    ApiKeyRow.expires_at,
    ApiKeyRow.last_used_at,
)


class FoundKey(NamedTuple):
    """A key that counts."""

    id: str
    user_id: str
    permissions: frozenset[str]
    expires_at: datetime
    last_used_at: datetime | None


class ApiKeys:
    """Makes, finds, lists and deletes keys.

    Args:
        rows: The database.
        bus: The way to the accounts' entities.
        ids: Names keys.
        key: What secrets follow from that a repeated request has to give again.
        clock: Decides what is over.
    """

    def __init__(
        self, rows: Rows, bus: MessageBus, ids: IdSource, key: bytes, clock: Clock
    ) -> None:
        self._rows = rows
        self._bus = bus
        self._ids = ids
        self._key = hashlib.blake2b(key, person=b"api keys", digest_size=64).digest()
        self._clock = clock

    async def create(
        self, caller: Caller, name: str, permissions: Collection[str] | None, life_s: int
    ) -> tuple[ApiKeyView, str]:
        """A new key of the caller's, and its text, which is stored nowhere.

        Args:
            caller: Its owner.
            name: What the owner calls it.
            permissions: What it is good for; None for all that the caller may do.
            life_s: How long it is good, in seconds.

        Raises:
            InvalidMessage: If there is no such permission.
            NotPermitted: If the caller may not do all of that.
            QuotaExceeded: If they have too many keys.
        """
        wanted = _scope(caller, permissions)
        key_id = self._ids.text_id()
        secret = self._repeatable(key_id) if is_keyed() else secrets.token_bytes(_SECRET)
        whole = base64.urlsafe_b64encode(uuid.UUID(key_id).bytes + secret).decode()
        text = PREFIX + whole
        message = CreateApiKey(
            key_id=key_id,
            name=name,
            shown=text[:_SHOWN],
            hashed_key=_digest(secret),
            permissions=wanted,
            life_s=life_s,
        )
        view = await self._bus.ask(
            names.api_keys(caller.user_id), message, principal=caller.principal
        )
        return view, text

    async def read(self, text: str) -> FoundKey:
        """The key that is written so.

        Raises:
            NotAuthenticated: If there is none, or it is over.
        """
        refusal = NotAuthenticated(_REFUSAL)
        if len(text) != LENGTH:
            raise refusal
        try:
            whole = base64.b64decode(text.removeprefix(PREFIX), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise refusal from error
        row = await self._counting(str(uuid.UUID(bytes=whole[:16])))
        if row is None or not hmac.compare_digest(row.hashed_key, _digest(whole[16:])):
            raise refusal
        return _found(row)

    async def by_id(self, key_id: str) -> FoundKey:
        """The key with this id.

        Raises:
            NotAuthenticated: If there is none, or it is over.
        """
        row = await self._counting(key_id)
        if row is None:
            raise NotAuthenticated(_REFUSAL)
        return _found(row)

    async def listed(self, caller: Caller, page: Page) -> tuple[list[ApiKeyView], str | None]:
        """The caller's keys, the newest first."""
        mine = _KEY.where(ApiKeyRow.user_id == caller.user_id)
        statement = page.of(mine, ApiKeyRow.created_at, ApiKeyRow.id, newest_first=True)
        rows, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return [_view(row) for row in rows], cursor

    async def delete(self, principal: Principal, key_id: str) -> None:
        """Let one count no more.

        Raises:
            NotFound: If they have no such key.
        """
        target = names.api_keys(principal.user_id)
        await self._bus.ask(target, DeleteApiKey(key_id), principal=principal)

    async def _counting(self, key_id: str) -> Any:
        now = utc(self._clock.time())
        statement = _KEY.where(ApiKeyRow.id == key_id, ApiKeyRow.expires_at > now)
        found = await self._rows.rows(statement)
        return found[0] if found else None

    def _repeatable(self, key_id: str) -> bytes:
        made = hashlib.blake2b(key=self._key, digest_size=_SECRET)
        made.update(uuid.UUID(key_id).bytes)
        return made.digest()


def _scope(caller: Caller, permissions: Collection[str] | None) -> tuple[str, ...]:
    if permissions is None:
        return tuple(sorted(caller.permissions))
    wanted = set(permissions)
    if missing := sorted(wanted - caller.permissions):
        raise NotPermitted(f"You may not give a key '{missing[0]}', which you do not have.")
    return tuple(sorted(wanted))


def _digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _found(row: Any) -> FoundKey:
    permissions = frozenset(row.permissions.split())
    return FoundKey(row.id, row.user_id, permissions, row.expires_at, row.last_used_at)


def _view(row: Any) -> ApiKeyView:
    return ApiKeyView(
        id=row.id,
        name=row.name,
        shown=row.shown,
        permissions=tuple(row.permissions.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
