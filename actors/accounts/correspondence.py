"""What the parts of an account have in common: its logins, and the letters it sends."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from actors import names
from actors.accounts.user_state import UserState
from actors.mail.messages import SendMail
from vareon_runtime.entity import Context, Entity
from vareon_runtime.errors import NotFound, QuotaExceeded
from vareon_runtime.models import UserLoginRow, login_key

LETTERS_IN_AN_HOUR = 5
"""Letters of one kind to one account, so that nobody can be flooded with them."""
PAUSE_S = 60.0
"""Between two letters of one kind."""
_HOUR_S = 3600.0


class Correspondence(Entity[UserState]):
    """The ground that `Registration`, `PasswordCare` and `Closing` stand on."""

    def write_letter(
        self,
        context: Context,
        template: str,
        recipient: str,
        *,
        expires_at: datetime | None = None,
        page: str = "",
        query: dict[str, str] | None = None,
        fragment: dict[str, str] | None = None,
        owner: str | None = None,
    ) -> None:
        """Have a letter sent once this turn has committed.

        Args:
            context: This turn's.
            template: Which letter.
            recipient: To which address.
            expires_at: When it is of no use any more.
            page: What it asks to be opened, below the public address; empty for a mere notice.
            query: Parameters of that page.
            fragment: Parameters that a browser keeps to itself.
            owner: Whose letter it is; this account's, unless said otherwise.
        """
        link = ""
        if page:
            link = f"/{page}" + _part("?", query) + _part("#", fragment)
        letter = SendMail(
            user_id=self.key if owner is None else owner,
            template=template,
            recipient=recipient,
            username=self.state.username,
            link=link,
            expires_at=expires_at,
        )
        context.send(names.mail(context.new_id()), letter)
        past = self.state.mailed.get(template, ())
        self.state.mailed[template] = (*past[-LETTERS_IN_AN_HOUR + 1 :], context.now())

    def wait_for_letter_s(self, template: str, context: Context) -> float:
        """Seconds until another letter of this kind may go out; 0 if it may now."""
        now = context.now()
        recent = tuple(
            sent
            for sent in self.state.mailed.get(template, ())
            if now - sent < timedelta(seconds=_HOUR_S)
        )
        if not recent:
            return 0.0
        wait_s: float = PAUSE_S - (now - recent[-1]).total_seconds()
        if len(recent) >= LETTERS_IN_AN_HOUR:
            wait_s = max(wait_s, _HOUR_S - (now - recent[0]).total_seconds())
        return max(0.0, wait_s)

    def may_write(self, template: str, context: Context) -> None:
        """Refuse what would send letters too often.

        Raises:
            QuotaExceeded: If it would.
        """
        wait_s = self.wait_for_letter_s(template, context)
        if wait_s:
            raise QuotaExceeded("Letters were sent already; look for them, or wait.", wait_s)

    def exchange_login(
        self, old: str | None, new: str, other: str | None, context: Context
    ) -> None:
        """Take a new name or e-mail in place of the old one.

        Args:
            old: What it replaces, if there was anything.
            new: What it becomes.
            other: The account's other login, which stays.
            context: This turn's.
        """
        kept = login_key(other) if other else None
        before, after = login_key(old) if old else None, login_key(new)
        if before == after:
            return
        if before is not None and before != kept:
            context.delete_rows(UserLoginRow, login=before, user_id=self.key)
        if after != kept:
            context.insert(UserLoginRow, login=after, user_id=self.key)

    def refuse_closed(self) -> None:
        """Nothing may change any more once the owner has closed the account.

        Raises:
            NotFound: If they have.
        """
        if self.state.closing:
            raise NotFound("User not found")


def _part(mark: str, parameters: dict[str, str] | None) -> str:
    return mark + urlencode(parameters) if parameters else ""
