"""The personal keys of one account."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from actors import names, notices, policy
from actors.sign_in.messages import (
    ApiKeyView,
    CreateApiKey,
    DeleteApiKey,
    DeleteApiKeys,
    TouchApiKey,
)
from actors.system.messages import Notify
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, QuotaExceeded
from vareon_runtime.models import ApiKeyRow

MOST_KEYS = 50
LONGEST_LIFE_S = 366 * 24 * 3600
_NOT_FOUND = "Key not found"


class ApiKeysState(State):
    """When each key ends, by its id; everything else is in its row."""

    keys: dict[str, datetime] = msgspec.field(default_factory=dict)


@entity("api_keys")
class ApiKeys(Entity[ApiKeysState]):
    """Under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only the user, and who manages accounts."""
        who = context.principal
        if who is None or who.user_id == self.key:
            return
        if not policy.may(who, policy.MANAGE_ACCOUNTS):
            raise NotFound(_NOT_FOUND)

    @command(creates=True)
    async def create(self, message: CreateApiKey, context: Context) -> ApiKeyView:
        """Add one; those that are over make room."""
        now = context.now()
        keys = self.state.keys
        for key_id in [key_id for key_id, until in keys.items() if until <= now]:
            self._delete(key_id, context)
        if message.key_id in keys:
            raise Conflict("This key exists already.")
        if len(keys) >= MOST_KEYS:
            raise QuotaExceeded(f"An account has at most {MOST_KEYS} keys; delete one.", 30.0)
        if not 0 < message.life_s <= LONGEST_LIFE_S:
            raise InvalidMessage("A key lives up to 366 days.")
        expires_at = now + timedelta(seconds=message.life_s)
        keys[message.key_id] = expires_at
        context.insert(
            ApiKeyRow,
            id=message.key_id,
            user_id=self.key,
            name=message.name,
            shown=message.shown,
            hashed_key=message.hashed_key,
            permissions=" ".join(message.permissions),
            created_at=now,
            expires_at=expires_at,
            last_used_at=None,
        )
        notify = Notify(notices.API_KEY_CREATED, {"name": message.name})
        context.send(names.notifications(self.key), notify)
        return ApiKeyView(
            id=message.key_id,
            name=message.name,
            shown=message.shown,
            permissions=message.permissions,
            created_at=now,
            expires_at=expires_at,
            last_used_at=None,
        )

    @command
    async def touch(self, message: TouchApiKey, context: Context) -> bool:
        """Note that it is used."""
        if message.key_id not in self.state.keys:
            return False
        context.update(ApiKeyRow, {"id": message.key_id}, last_used_at=context.now())
        return True

    @command
    async def delete(self, message: DeleteApiKey, context: Context) -> bool:
        """Let one count no more."""
        if message.key_id not in self.state.keys:
            raise NotFound(_NOT_FOUND)
        self._delete(message.key_id, context)
        return True

    @command
    async def delete_all(self, message: DeleteApiKeys, context: Context) -> bool:
        """Go with the account."""
        context.delete_rows(ApiKeyRow, user_id=self.key)
        context.delete()
        return True

    def _delete(self, key_id: str, context: Context) -> None:
        del self.state.keys[key_id]
        context.delete_rows(ApiKeyRow, id=key_id)
