"""One's own account: seeing it, changing it, its password, and leaving."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import select

from actors import names
from actors.accounts.messages import (
    ChangeAccount,
    ChangePassword,
    EndAccount,
    ResetPassword,
)
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, NotPermitted
from vareon_runtime.models import UserRow, token_hash
from vareon_runtime.routing.bus import MessageBus
from web.caller import Caller
from web.client_address import UNKNOWN
from web.refusals import BadToken
from web.schemas.profile import MeChangesIn, MeOut
from web.services.accounts import Rows
from web.services.first_run import SYSTEM
from web.services.lockout import Lockout
from web.services.logins import refuse_taken
from web.services.passwords import Passwords
from web.services.roles import Roles
from web.services.roster import ask_roster

WRONG = "The current password is wrong."
BAD_RESET = "Invalid or expired reset token."
_RENAMED = "Username already taken"


class Profile:
    """What a user does with their own account."""

    def __init__(
        self,
        rows: Rows,
        bus: MessageBus,
        passwords: Passwords,
        roles: Roles,
        lockout: Lockout,
    ) -> None:
        self._rows = rows
        self._roles = roles
        self._bus = bus
        self._passwords = passwords
        self._lockout = lockout

    async def of(self, caller: Caller) -> MeOut:
        """The account as it is stored now."""
        row = await self._row(caller.user_id)
        return MeOut(
            id=row.id,
            username=row.username,
            email=row.email,
            is_active=bool(row.is_active),
            is_verified=bool(row.is_verified),
            roles=await self._roles.shown(caller.roles),
            permissions=sorted(caller.permissions),
            created_at=row.created_at,
            updated_at=row.updated_at,
            pending_email=row.pending_email,
            verification_token_expires_at=row.verification_expires_at,
        )

    async def change(self, caller: Caller, changes: MeChangesIn) -> MeOut:
        """Change what is given.

        Raises:
            Taken: If the name or the e-mail is somebody else's.
            NotPermitted: If a password is given without the current one.
        """
        username, email = changes.username, changes.email
        if changes.password is not None and changes.current_password is None:
            raise NotPermitted("A new password needs 'current_password' beside it.")
        await self._refuse_taken(username, email, caller.user_id)
        if changes.password is not None:
            current = changes.current_password or ""
            await self.change_password(caller, current, changes.password)
        if username is not None or email is not None:
            try:
                await self._bus.ask(
                    names.user(caller.user_id),
                    ChangeAccount(username=username, email=email),
                    principal=caller.principal,
                )
            except Conflict:
                await self._refuse_taken(username, email, caller.user_id)
                raise
        return await self.of(caller)

    async def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Set a new password, which ends every session there is.

        Raises:
            NotPermitted: If the current one is wrong.
            InvalidMessage: If the new one is not allowed.
        """
        replacing = await self._confirmed(caller, current)
        hashed = await self._passwords.hashed(new)
        message = ChangePassword(hashed_password=hashed, replacing=replacing)
        await self._bus.ask(names.user(caller.user_id), message, principal=caller.principal)

    async def reset_password(self, token: str, new: str) -> str:
        """Set a new password for whoever got the letter; the user's id is returned.

        Raises:
            BadToken: If the token is none, was used, or is too old.
            InvalidMessage: If the new password is not allowed.
        """
        hashed_token = token_hash(token)
        rows = await self._rows.rows(select(UserRow.id).where(UserRow.reset_hash == hashed_token))
        if not rows:
            raise BadToken(BAD_RESET)
        hashed = await self._passwords.hashed(new)
        message = ResetPassword(token_hash=hashed_token, hashed_password=hashed)
        try:
            await self._bus.ask(names.user(rows[0].id), message, principal=SYSTEM)
        except (InvalidMessage, NotFound):
            raise BadToken(BAD_RESET) from None
        return str(rows[0].id)

    async def close(self, caller: Caller, password: str) -> None:
        """Close the account; what it owned is deleted from here on, whatever happens.

        Raises:
            NotPermitted: If the password is wrong.
            Conflict: If it is the last active administrator's.
        """
        await self._confirmed(caller, password)
        await ask_roster(self._bus, EndAccount(caller.user_id), caller.principal)

    async def _confirmed(self, caller: Caller, password: str) -> str:
        stored = str((await self._row(caller.user_id)).hashed_password)
        matches = partial(self._passwords.matches, password, stored)
        # Whoever is signed in may guess no more often than others, wherever they are.
        if not await self._lockout.guarded("", UNKNOWN, caller.user_id, matches):
            raise NotPermitted(WRONG)
        return stored

    async def _row(self, user_id: str) -> Any:
        rows = await self._rows.rows(_SELECT.where(UserRow.id == user_id))
        if not rows:
            raise NotFound("User not found")
        return rows[0]

    async def _refuse_taken(self, username: str | None, email: str | None, own: str) -> None:
        await refuse_taken(
            self._rows, username=username, email=email, besides=own, username_taken=_RENAMED
        )


_SELECT = select(
    UserRow.id,
    UserRow.username,
    UserRow.email,
    UserRow.hashed_password,
    UserRow.is_active,
    UserRow.is_verified,
    UserRow.pending_email,
    UserRow.verification_expires_at,
    UserRow.created_at,
    UserRow.updated_at,
)
