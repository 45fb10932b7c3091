"""Opening one's own account, and showing that an e-mail is one's own."""

from __future__ import annotations

from datetime import timedelta

from actors import names, notices
from actors.accounts.correspondence import Correspondence
from actors.accounts.messages import ChangeAccount, RegisterUser, ResendVerification, VerifyEmail
from actors.accounts.one_use import OneUseTokens
from actors.accounts.user_state import checked_email, checked_hash, checked_username
from actors.system.messages import Notify
from vareon_runtime.entity import Context, Tick, command, reminder
from vareon_runtime.errors import Conflict, InvalidMessage
from vareon_runtime.models import UserRoleRow, login_key, token_hash

VERIFICATION_LIFE = timedelta(hours=24)
UNVERIFIED_LIFE_S = 7 * 24 * 3600.0
"""An account whose e-mail was never verified goes away after so long, and its name is free."""
ROLE = "member"
INVALID, EXPIRED = "Invalid verification token.", "Verification token expired."


class Registration(Correspondence):
    """The part of an account that has to do with its e-mail."""

    @command(creates=True)
    async def register(self, message: RegisterUser, context: Context) -> bool:
        """Open the account; it may sign in once the e-mail is verified."""
        if self.exists:
            raise Conflict(f"The account '{self.state.username}' exists already.")
        username, email = checked_username(message.username), checked_email(message.email)
        if email is None:
            raise InvalidMessage("email must be like name@example.com.")
        if "@" in username and login_key(username) != login_key(email):
            raise InvalidMessage("A username with an '@' must be the e-mail itself.")
        state = self.state
        state.username, state.email, state.is_verified = username, email, False
        state.hashed_password = checked_hash(message.hashed_password)
        state.created_at = state.updated_at = context.now()
        state.roles = (ROLE,)
        self.exchange_login(None, username, None, context)
        self.exchange_login(None, email, username, context)
        context.insert(UserRoleRow, user_id=self.key, role=ROLE)
        context.remind("unverified", after=UNVERIFIED_LIFE_S)
        self._ask_to_verify("verify", email, context)
        return True

    @command
    async def change(self, message: ChangeAccount, context: Context) -> bool:
        """Rename the account at once; a new e-mail counts when it is verified."""
        self.refuse_closed()
        state = self.state
        if message.username is not None and message.username != state.username:
            username = checked_username(message.username)
            known = {login_key(known) for known in (state.username, state.email or "")}
            if "@" in username and login_key(username) not in known:
                raise InvalidMessage("A username with an '@' must be the e-mail itself.")
            self.exchange_login(state.username, username, state.email, context)
            state.username = username
        if message.email is not None:
            self._begin_move(message.email, context)
        state.updated_at = context.now()
        return True

    @command
    async def verify(self, message: VerifyEmail, context: Context) -> bool:
        """Believe that the address is theirs whose token came back."""
        self.refuse_closed()
        state = self.state
        if state.verification_hash is None or state.verification_hash != message.token_hash:
            raise InvalidMessage(INVALID)
        if state.verification_expires_at is None or context.now() > state.verification_expires_at:
            raise InvalidMessage(EXPIRED)
        old, new = state.email, state.pending_email
        state.verification_hash = state.verification_expires_at = None
        state.pending_email = None
        if new is not None:
            self.exchange_login(old, new, state.username, context)
            state.email = new
            if old is not None:
                self.write_letter(context, "email_changed", old)
            notify = Notify(notices.EMAIL_CHANGED, {"email": new})
            context.send(names.notifications(self.key), notify)
        state.is_verified = True
        state.updated_at = context.now()
        context.forget("unverified")
        return True

    @command
    async def resend(self, message: ResendVerification, context: Context) -> None:
        """Mail another link, which replaces the one before; not too often, and then silently."""
        state = self.state
        template = "verify" if state.pending_email is None else "verify_change"
        address = state.pending_email or (None if state.is_verified else state.email)
        if state.closing or not state.is_active or address is None:
            return
        if not self.wait_for_letter_s(template, context):
            self._ask_to_verify(template, address, context)

    @reminder
    async def unverified(self, tick: Tick, context: Context) -> None:
        """Give the name and the address back that nobody proved to be theirs."""
        if not self.state.is_verified:
            context.delete()

    def _begin_move(self, address: str, context: Context) -> None:
        state = self.state
        email = checked_email(address)
        if email is None:
            raise InvalidMessage("email must be like name@example.com.")
        if state.email is not None and login_key(email) == login_key(state.email):
            if email != state.email:
                state.email = email
            state.pending_email = None
            if state.is_verified:
                state.verification_hash = state.verification_expires_at = None
            return
        self.may_write("verify_change", context)
        state.pending_email = email
        self._ask_to_verify("verify_change", email, context)
        if state.email is not None:
            self.write_letter(context, "email_changing", state.email)

    def _ask_to_verify(self, template: str, address: str, context: Context) -> None:
        token = context.resource(OneUseTokens).new()
        expires_at = context.now() + VERIFICATION_LIFE
        self.state.verification_hash = token_hash(token)
        self.state.verification_expires_at = expires_at
        self.write_letter(
            context,
            template,
            address,
            expires_at=expires_at,
            page="verify-email",
            query={"token": token, "email": address},
        )
