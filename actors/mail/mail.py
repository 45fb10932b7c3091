"""A letter: sent as often as it takes, told what became of it, and forgotten after a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from actors import policy
from actors.mail.letter import checked_template, subject_of
from actors.mail.messages import DeleteMail, SendMail
from actors.mail.post_office import AGAIN, KEPT, SENT, Dispatched, PostOffice
from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Message,
    State,
    Tick,
    backoff,
    command,
    effect,
    entity,
    reminder,
)
from vareon_runtime.errors import NotFound, NotPermitted, VareonError
from vareon_runtime.models import MailRow

WAITING, FAILED = "waiting", "failed"
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 900.0
TRIED_FOR = timedelta(days=1)
KEPT_FOR_S = 30 * 24 * 3600.0
"""After that a letter and what became of it are forgotten."""


class MailState(State):
    """A letter until it has gone; what its link opens is not kept any longer than that."""

    user_id: str = ""
    template: str = ""
    recipient: str = ""
    subject: str = ""
    status: str = WAITING
    attempts: int = 0
    error: str | None = None
    link: str | None = None
    asked: SendMail | None = None
    expires_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@entity("mail", row=MailRow)
class Mail(Entity[MailState]):
    """One letter, under its id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Entities and the system write letters; their owners may have them forgotten."""
        who = context.principal
        if context.sender is not None or who is None or policy.may(who, policy.MANAGE_ACCOUNTS):
            return
        if not isinstance(message, DeleteMail):
            raise NotPermitted("Not enough permissions")
        if who.user_id != self.state.user_id:
            raise NotFound("Mail not found")

    @command(creates=True)
    async def send(self, message: SendMail, context: Context) -> None:
        """Take the letter on."""
        if self.exists:
            return
        state = self.state
        state.template = checked_template(message.template)
        state.user_id, state.recipient = message.user_id, message.recipient
        state.subject = subject_of(message.template)
        state.asked = message
        state.created_at = state.updated_at = context.now()
        state.expires_at = message.expires_at or state.created_at + TRIED_FOR
        context.remind("forget", after=KEPT_FOR_S)
        self._try(context)

    @command
    async def delete(self, message: DeleteMail, context: Context) -> bool:
        """Forget it, sent or not."""
        context.delete()
        return True

    @effect(retry=backoff(attempts=3), timeout_s=120.0)
    async def dispatch(self, asked: SendMail, context: EffectContext) -> Dispatched:
        """Bring it to the post office."""
        return await context.resource(PostOffice).dispatch(self.key, asked)

    async def dispatched(self, result: Dispatched, context: Context) -> None:
        """It has gone, or will be tried again, or never."""
        state = self.state
        state.attempts += 1
        state.error = result.error
        state.updated_at = context.now()
        if result.outcome in (SENT, KEPT):
            state.status, state.link, state.asked = result.outcome, result.link, None
        elif result.outcome == AGAIN:
            self._try_later(context)
        else:
            self._give_up()

    async def not_dispatched(self, error: VareonError, context: Context) -> None:
        """Something unforeseen; it may pass."""
        self.state.attempts += 1
        self.state.error = error.code
        self.state.updated_at = context.now()
        self._try_later(context)

    @reminder
    async def again(self, tick: Tick, context: Context) -> None:
        """The next try."""
        if self.state.status == WAITING:
            self._try(context)

    @reminder
    async def forget(self, tick: Tick, context: Context) -> None:
        """It has been kept long enough."""
        context.delete()

    def _try(self, context: Context) -> None:
        if self.state.asked is not None:
            call = self.dispatch(self.state.asked)
            context.start(call, then=self.dispatched, failed=self.not_dispatched)

    def _try_later(self, context: Context) -> None:
        state = self.state
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(state.attempts - 1, 20))
        if context.now() + timedelta(seconds=wait_s) >= state.expires_at:
            self._give_up()
        else:
            context.remind("again", after=wait_s)

    def _give_up(self) -> None:
        self.state.status, self.state.asked = FAILED, None
