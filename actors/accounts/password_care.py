"""Changing a password, and setting a new one without the old."""

from __future__ import annotations

from datetime import timedelta

from actors import names, notices
from actors.accounts.correspondence import Correspondence
from actors.accounts.messages import ChangePassword, IssueReset, ResetPassword
from actors.accounts.one_use import OneUseTokens
from actors.accounts.user_state import checked_hash
from actors.system.messages import Notify
from vareon_runtime.entity import Context, command
from vareon_runtime.errors import Conflict, InvalidMessage
from vareon_runtime.models import token_hash

RESET_LIFE = timedelta(hours=1)
INVALID = "Invalid or expired reset token."


class PasswordCare(Correspondence):
    """The part of an account that has to do with its password."""

    @command
    async def change_password(self, message: ChangePassword, context: Context) -> bool:
        """Replace the password that was checked; all tokens given out before stop counting."""
        self.refuse_closed()
        if message.replacing != self.state.hashed_password:
            raise Conflict("The password was changed meanwhile; sign in again.")
        self._set_password(message.hashed_password, context)
        return True

    @command
    async def issue_reset(self, message: IssueReset, context: Context) -> None:
        """Mail a link that sets a new password; not too often, and then silently."""
        state = self.state
        if state.closing or not state.is_active or state.email is None:
            return
        if self.wait_for_letter_s("reset", context):
            return
        token = context.resource(OneUseTokens).new()
        state.reset_hash = token_hash(token)
        state.reset_expires_at = context.now() + RESET_LIFE
        self.write_letter(
            context,
            "reset",
            state.email,
            expires_at=state.reset_expires_at,
            page="reset-password",
            fragment={"token": token},
        )

    @command
    async def reset_password(self, message: ResetPassword, context: Context) -> bool:
        """Set the password for whoever got the letter, which shows the e-mail to be theirs."""
        self.refuse_closed()
        state = self.state
        if (
            state.reset_hash is None
            or state.reset_hash != message.token_hash
            or state.reset_expires_at is None
            or context.now() > state.reset_expires_at
        ):
            raise InvalidMessage(INVALID)
        state.is_verified = True
        context.forget("unverified")
        self._set_password(message.hashed_password, context)
        return True

    def _set_password(self, hashed_password: str, context: Context) -> None:
        state = self.state
        state.hashed_password = checked_hash(hashed_password)
        state.token_version += 1
        state.updated_at = context.now()
        state.reset_hash = state.reset_expires_at = None
        # Whoever had got in may have asked for another address.
        state.pending_email = state.verification_hash = state.verification_expires_at = None
        if state.email is not None:
            self.write_letter(context, "password_changed", state.email)
        context.send(names.notifications(self.key), Notify(notices.PASSWORD_CHANGED))
