"""Where those who are not signed in ask for letters: alike for known and unknown addresses.

The answer is given before anybody looks whether there is such an account, so neither what it says
nor how long it takes can tell.
"""

from __future__ import annotations

from sqlalchemy import or_, select

from actors import names, policy
from actors.accounts.messages import AskForLetter, IssueReset, ResendVerification
from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Message,
    State,
    backoff,
    command,
    effect,
    entity,
)
from vareon_runtime.errors import InvalidMessage, VareonError
from vareon_runtime.models import UserLoginRow, UserRow, login_key
from vareon_runtime.telemetry import failure

RESET, VERIFY = "reset", "verify"
MAX_ADDRESS = 320


class DeskState(State):
    """Nothing is remembered."""


class Wanted(Message, frozen=True):
    """Which letter goes to whom.

    Attributes:
        user_id: Empty if there is no such account.
        letter: ``reset`` or ``verify``.
    """

    user_id: str
    letter: str


@entity("account_desk")
class AccountDesk(Entity[DeskState]):
    """One of several; an address always comes to the same."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only the system, for it asks on behalf of whoever is not known."""
        policy.check(context.principal, policy.MANAGE_ACCOUNTS)

    @command(creates=True)
    async def ask(self, message: AskForLetter, context: Context) -> bool:
        """Note it down; the look-up follows when the answer has gone out."""
        if message.letter not in (RESET, VERIFY):
            raise InvalidMessage(f"A letter is '{RESET}' or '{VERIFY}'.")
        address = message.address[:MAX_ADDRESS]
        context.start(self.look_up(address, message.letter), then=self.found, failed=self.not_found)
        return True

    @effect(retry=backoff(attempts=5))
    async def look_up(self, address: str, letter: str, context: EffectContext) -> Wanted:
        """Whose address it is; for verification it may be one that is not theirs yet."""
        by_login = select(UserLoginRow.user_id).where(UserLoginRow.login == login_key(address))
        rows = await context.read(
            select(UserRow.id)
            .where(or_(UserRow.email == address, UserRow.id == by_login.scalar_subquery()))
            .limit(1)
        )
        return Wanted(rows[0][0] if rows else "", letter)

    async def found(self, wanted: Wanted, context: Context) -> None:
        """Have the account send it."""
        if wanted.user_id:
            letter = IssueReset() if wanted.letter == RESET else ResendVerification()
            context.send(names.user(wanted.user_id), letter)

    async def not_found(self, error: VareonError, context: Context) -> None:
        """The database could not be read for a while; whoever asked asks again."""
        failure("account_desk_failed", error, code=error.code)
