"""An invitation: a letter, and the account that its link opens, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from actors import names, policy
from actors.accounts import held
from actors.accounts.messages import (
    AcceptInvitation,
    CreateUser,
    InvitationView,
    Invite,
    UserView,
)
from actors.accounts.one_use import OneUseTokens
from actors.accounts.user_state import checked_email
from actors.mail.messages import SendMail
from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Message,
    State,
    Tick,
    backoff,
    command,
    effect,
    entity,
    reminder,
)
from vareon_runtime.errors import Conflict, InvalidMessage
from vareon_runtime.models import InvitationRow, token_hash

GOOD_FOR = timedelta(days=7)
INVALID = "This invitation is not good any more; ask for another one."


class InvitationState(State):
    """What an invitation remembers; it is gone when it was taken up, or is too old."""

    email: str = ""
    roles: tuple[str, ...] = ()
    token_hash: str = ""
    expires_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@entity("invitation", row=InvitationRow)
class Invitation(Entity[InvitationState]):
    """Nobody invites somebody to more than they may do themselves."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only whoever may open accounts, and the system for whoever comes with the token."""
        policy.check(context.principal, policy.CREATE_ACCOUNT)

    @command(creates=True)
    async def invite(self, message: Invite, context: Context) -> InvitationView:
        """Write to them."""
        if self.exists:
            raise Conflict("This invitation exists already.")
        email = checked_email(message.email)
        if email is None:
            raise InvalidMessage("email must be like name@example.com.")
        roles, permissions = await held.known(message.roles, context)
        policy.check_within(context.principal, permissions)
        token = context.resource(OneUseTokens).new()
        state = self.state
        state.email, state.roles, state.token_hash = email, roles, token_hash(token)
        state.created_at = context.now()
        state.expires_at = state.created_at + GOOD_FOR
        letter = SendMail(
            user_id="",
            template="invitation",
            recipient=email,
            username=email.partition("@")[0],
            link="/accept-invitation#" + urlencode({"token": token, "email": email}),
            expires_at=state.expires_at,
        )
        context.send(names.mail(context.new_id()), letter)
        context.remind("too_old", after=GOOD_FOR.total_seconds())
        return InvitationView(self.key, email, state.expires_at)

    @command
    async def accept(self, message: AcceptInvitation, context: Context) -> Later[UserView]:
        """Open the account; if its name is taken, they may try another one."""
        state = self.state
        if state.token_hash != message.token_hash or context.now() > state.expires_at:
            raise InvalidMessage(INVALID)
        # Whoever sends the link twice at once opens one account: its e-mail is nobody else's.
        roles = await held.existing(state.roles, context)
        wanted = CreateUser(message.username, message.hashed_password, roles, state.email)
        return context.after(self.open(message.user_id, wanted), then=self.opened)

    @effect(retry=backoff(attempts=5))
    async def open(self, user_id: str, wanted: CreateUser, context: EffectContext) -> UserView:
        """Open the account."""
        return await context.ask(names.user(user_id), wanted)

    async def opened(self, account: UserView, context: Context) -> UserView:
        """It was taken up, so it is over."""
        context.delete()
        return account

    @reminder
    async def too_old(self, tick: Tick, context: Context) -> None:
        """Nobody came."""
        context.delete()
