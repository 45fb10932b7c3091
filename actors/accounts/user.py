"""An account: who may sign in, and as what."""

from __future__ import annotations

from actors import policy
from actors.accounts import held
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
    SetAccess,
    SignOutEverywhere,
    UserView,
    VerifyEmail,
)
from actors.accounts.password_care import PasswordCare
from actors.accounts.registration import Registration
from actors.accounts.user_state import (
    checked_email,
    checked_hash,
    checked_username,
)
from vareon_runtime.entity import Context, Message, command, entity
from vareon_runtime.errors import Conflict, NotFound
from vareon_runtime.models import UserRoleRow, UserRow

SYSTEM_ONLY = (
    RegisterUser,
    VerifyEmail,
    ResendVerification,
    IssueReset,
    ResetPassword,
    SetAccess,
)
"""What nobody asks for by themselves; the system does, once it has checked who may."""


@entity("user", row=UserRow)
class User(Registration, PasswordCare, Closing):
    """One account, under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Opening and changing one takes a permission; nobody else's exists for you."""
        who = context.principal
        if who is None:
            return
        if isinstance(message, CreateUser):
            policy.check(who, policy.CREATE_ACCOUNT)
        elif isinstance(message, SYSTEM_ONLY):
            policy.check(who, policy.MANAGE_ACCOUNTS)
        elif who.user_id != self.key and not policy.may(who, policy.MANAGE_ACCOUNTS):
            raise NotFound("User not found")

    @command(creates=True)
    async def create(self, message: CreateUser, context: Context) -> UserView:
        """Open the account."""
        if self.exists:
            raise Conflict(f"The account '{self.state.username}' exists already.")
        roles, permissions = await held.known(message.roles, context)
        policy.check_within(context.principal, permissions)
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
        return self._view()

    @command
    async def set_access(self, message: SetAccess, context: Context) -> UserView:
        """Change what it may do; tokens given out before count no more if that became less."""
        self.refuse_closed()
        state = self.state
        closed = message.is_active is False and state.is_active
        changed = message.roles is not None and set(message.roles) != set(state.roles)
        if message.roles is not None:
            context.delete_rows(UserRoleRow, user_id=self.key)
            for role in message.roles:
                context.insert(UserRoleRow, user_id=self.key, role=role)
            state.roles = message.roles
        if message.is_active is not None:
            state.is_active = message.is_active
        if message.hashed_password is not None:
            state.hashed_password = checked_hash(message.hashed_password)
            state.reset_hash = state.reset_expires_at = None
        if closed or changed or message.hashed_password is not None:
            state.token_version += 1
        state.updated_at = context.now()
        return self._view()

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

    @command
    async def sign_out_everywhere(self, message: SignOutEverywhere, context: Context) -> int:
        """Let no token count that was given out before."""
        self.state.token_version += 1
        self.state.updated_at = context.now()
        return self.state.token_version

    def _view(self) -> UserView:
        state = self.state
        return UserView(
            id=self.key,
            username=state.username,
            email=state.email,
            is_active=state.is_active,
            roles=state.roles,
            created_at=state.created_at,
            updated_at=state.updated_at,
            is_verified=state.is_verified,
        )
