"""An account: who may sign in, and as what."""

from __future__ import annotations

from actors.accounts.closing import Closing
from actors.accounts.messages import (
    BeginKeyed,
    CreateUser,
    IssueReset,
    KeepFound,
    KeepOutcome,
    Outcome,
    RegisterUser,
    ResendVerification,
    ResetPassword,
    UserView,
    VerifyEmail,
)
from actors.accounts.password_care import PasswordCare
from actors.accounts.registration import Registration
from actors.accounts.user_state import (
    checked_email,
    checked_hash,
    checked_roles,
    checked_username,
)
from vareon_runtime.entity import Context, Message, command, entity
from vareon_runtime.errors import Conflict, NotFound, NotPermitted
from vareon_runtime.models import UserRoleRow, UserRow

SYSTEM_ONLY = (CreateUser, RegisterUser, VerifyEmail, ResendVerification, IssueReset, ResetPassword)
"""What nobody asks for by themselves; the system does, once it has checked who may."""


@entity("user", row=UserRow)
class User(Registration, PasswordCare, Closing):
    """One account, under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Opening one takes an administrator; nobody else's exists for you."""
        who = context.principal
        if who is None or who.is_admin:
            return
        if isinstance(message, SYSTEM_ONLY):
            raise NotPermitted("Not enough permissions")
        if who.user_id != self.key:
            raise NotFound("User not found")

    @command(creates=True)
    async def create(self, message: CreateUser, context: Context) -> UserView:
        """Open the account."""
        if self.exists:
            raise Conflict(f"The account '{self.state.username}' exists already.")
        roles = checked_roles(message.roles)
        state = self.state
        state.username = checked_username(message.username)
        state.email = checked_email(message.email)
        state.hashed_password = checked_hash(message.hashed_password)
        state.created_at = state.updated_at = context.now()
        state.roles = roles
        self.exchange_login(None, state.username, None, context)
        if state.email is not None:
            self.exchange_login(None, state.email, state.username, context)
        for role in roles:
            context.insert(UserRoleRow, user_id=self.key, role=role)
        return UserView(
            id=self.key,
            username=state.username,
            email=state.email,
            is_active=state.is_active,
            roles=roles,
            created_at=state.created_at,
            updated_at=state.updated_at,
        )

    @command
    async def begin_keyed(self, message: BeginKeyed, context: Context) -> bytes:
        """Remember that a keyed request has begun; the state does not change."""
        return message.attempt

    @command
    async def keep_found(self, message: KeepFound, context: Context) -> bytes:
        """Remember what it has read."""
        if message.found is None:
            raise NotFound("Nothing that was read is kept under this key.")
        return message.found

    @command
    async def keep_outcome(self, message: KeepOutcome, context: Context) -> Outcome:
        """Remember what it came to."""
        if message.outcome is None:
            raise NotFound("No outcome is kept under this key.")
        return message.outcome
