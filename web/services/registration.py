"""Registering, and showing that an e-mail is one's own."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from actors import names
from actors.accounts.messages import AskForLetter, RegisterUser, VerifyEmail
from vareon_runtime.config import Settings
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound, NotPermitted
from vareon_runtime.identity import IdSource
from vareon_runtime.models import UserRow, login_key, token_hash
from vareon_runtime.routing.bus import MessageBus
from web.refusals import BadToken, Taken
from web.services.accounts import Rows
from web.services.first_run import SYSTEM
from web.services.logins import owner_of, refuse_taken
from web.services.passwords import Passwords

NO_USER = "User not found."
BY_MAIL = "Registered. Open the link in the letter that was sent to you, then sign in."
BY_TERMINAL = (
    "Registered. This server sends no mail: the link that verifies your e-mail is in its terminal, "
    "and an administrator finds it in the outbox."
)
_CLOSED = {
    "invited": "Registration is by invitation here; ask an administrator for one.",
    "closed": "Registration is closed here; ask an administrator for an account.",
}


class Verified(NamedTuple):
    """Whose e-mail it is, and what to say."""

    user_id: str
    message: str


class Registration:
    """What people do who have no account yet, or one that is not verified.

    Args:
        settings: Who may register, and whether letters go by mail.
    """

    def __init__(
        self,
        rows: Rows,
        bus: MessageBus,
        passwords: Passwords,
        ids: IdSource,
        settings: Settings,
    ) -> None:
        self._rows = rows
        self._bus = bus
        self._passwords = passwords
        self._ids = ids
        self._allowed = settings.registration
        self._mails = settings.smtp is not None

    @property
    def next_step(self) -> str:
        """What whoever has just registered does now."""
        return BY_MAIL if self._mails else BY_TERMINAL

    async def register(self, username: str, email: str, password: str) -> str:
        """Open an account that may sign in once it is verified; its id is returned.

        Raises:
            NotPermitted: If nobody may register here.
            Taken: If the name or the e-mail is somebody's.
            InvalidMessage: If the name, the e-mail or the password is not allowed.
        """
        if self._allowed != "open":
            raise NotPermitted(_CLOSED[self._allowed])
        await refuse_taken(self._rows, username=username, email=email)
        hashed = await self._passwords.hashed(password)
        message = RegisterUser(username=username, email=email, hashed_password=hashed)
        user_id = self._ids.text_id()
        try:
            await self._bus.ask(names.user(user_id), message, principal=SYSTEM)
        except Conflict:
            await refuse_taken(self._rows, username=username, email=email)
            raise
        return user_id

    async def verify(self, email: str, token: str) -> Verified:
        """Take a token back.

        Raises:
            NotFound: If nobody has this e-mail.
            BadToken: If the token is none, was used, or is too old.
            Taken: If the e-mail has become somebody else's meanwhile.
        """
        hashed = token_hash(token)
        rows = await self._rows.rows(
            select(UserRow.id, UserRow.email, UserRow.pending_email).where(
                UserRow.verification_hash == hashed
            )
        )
        if not rows:
            return await self._verified_before(email)
        if login_key(rows[0].pending_email or rows[0].email) != login_key(email):
            raise BadToken("Invalid verification token.")
        try:
            await self._bus.ask(names.user(rows[0].id), VerifyEmail(hashed), principal=SYSTEM)
        except NotFound:
            raise NotFound(NO_USER) from None
        except InvalidMessage as error:
            raise BadToken(error.detail) from None
        except Conflict:
            raise Taken("Email already registered") from None
        return Verified(rows[0].id, "Email verified. You can sign in now.")

    async def ask_for_letter(self, address: str, letter: str) -> None:
        """Have a letter sent if the address is somebody's; nobody can tell whether it is.

        Args:
            address: An e-mail or a name.
            letter: ``verify`` or ``reset``.
        """
        message = AskForLetter(address=address, letter=letter)
        await self._bus.ask(names.account_desk(address), message, principal=SYSTEM)

    async def _verified_before(self, email: str) -> Verified:
        owner = await owner_of(self._rows, email)
        if owner is None:
            raise NotFound(NO_USER)
        if not owner.is_verified:
            raise BadToken("Invalid verification token.")
        return Verified(owner.id, "Email already verified.")
