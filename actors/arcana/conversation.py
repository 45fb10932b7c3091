"""A conversation: takes what users say, asks a model beside the mailbox, keeps the answers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from actors import names, notices
from actors.arcana.answer import Answer, compose
from actors.arcana.history import (
    Exchange,
    History,
    answers_of,
    newest_messages,
    question_of,
    turn_rows,
)
from actors.arcana.messages import (
    CancelTurn,
    ConversationView,
    CreateConversation,
    DeleteConversation,
    GetTurnPending,
    PostMessage,
    StoredMessage,
    TurnAccepted,
    TurnDone,
    TurnView,
)
from actors.arcana.missed import (
    accepted_again,
    fitting,
    rest_of_answer,
    unanswered,
    usage_of,
)
from actors.arcana.title import checked_title, title_of
from actors.arcana.turns import MAX_WAITING, ConversationState, FailedTurn, OpenTurn
from actors.policy import MANAGE_ACCOUNTS, OTHERS_CHATS, may
from actors.system.messages import Notify
from vareon_runtime.entity import (
    Context,
    Delta,
    EffectContext,
    Entity,
    Event,
    Message,
    Position,
    Reset,
    command,
    effect,
    entity,
    query,
)
from vareon_runtime.errors import (
    Cancelled,
    Conflict,
    IdReused,
    InvalidMessage,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    VareonError,
)
from vareon_runtime.models import ChatMessageRow, ConversationRow

MAX_CONTENT = 100_000
MAX_CLIENT_ID = 128
ANSWER_WITHIN_S = 150.0
_NOT_FOUND = "Conversation not found"


@entity("conversation", row=ConversationRow)
class Conversation(Entity[ConversationState]):
    """What one user and the models said to each other.

    One answer streams at a time; what is said meanwhile is accepted and answered next.
    """

    _history: History | None = None
    """Never part of the state: a turn that fails to commit drops this activation with it."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only its owner, and whoever may see others' conversations, know that it exists."""
        who = context.principal
        if not self.exists:
            if message is None:
                raise NotFound(_NOT_FOUND)
            if who is None:
                raise NotAuthenticated("Sign in to open a conversation.")
            return
        # Whoever may end accounts ends what is in them.
        needed = MANAGE_ACCOUNTS if isinstance(message, DeleteConversation) else OTHERS_CHATS
        if who is None or not (
            who.user_id == self.state.user_id or may(who, OTHERS_CHATS) or may(who, needed)
        ):
            raise NotFound(_NOT_FOUND)

    async def activated(self, context: Any) -> None:
        """Fetch what was said."""
        self._history = await self._read_history(context)

    @command(creates=True)
    async def create(self, message: CreateConversation, context: Context) -> ConversationView:
        """Open it for the principal."""
        if self.exists:
            raise Conflict("This conversation exists already.")
        self._open_for_principal(checked_title(message.title), context)
        return self._view()

    @command(creates=True)
    async def post(self, message: PostMessage, context: Context) -> TurnView:
        """Accept what the user says; the answer follows as a stream."""
        _check(message)
        if not self.exists and not message.create:
            raise NotFound(_NOT_FOUND)
        repeated = await self._said_before(message, context)
        if repeated is not None:
            return repeated
        if len(self.state.waiting) >= MAX_WAITING:
            raise QuotaExceeded(
                f"{MAX_WAITING} messages are waiting for their answers here; wait for one.",
                retry_after_s=5.0,
            )
        if not self.exists:
            self._open_for_principal(title_of(message.content), context)
        return await self._accept(message, context)

    @query
    async def turn_pending(self, message: GetTurnPending, context: Context) -> bool:
        """Whether this turn is not over."""
        return self.state.is_pending(message.turn_id)

    @command
    async def cancel_turn(self, message: CancelTurn, context: Context) -> bool:
        """Stop the answer that is streaming; what waits behind it is answered next."""
        turn = self.state.open
        if turn is None:
            return False
        if not turn.cancelled:
            turn.cancelled = True
            context.cancel(turn.effect_id)
        return True

    @command
    async def delete(self, message: DeleteConversation, context: Context) -> bool:
        """End it, with everything said in it."""
        gone = Cancelled("The conversation was deleted.")
        if self.state.open is not None:
            context.cancel(self.state.open.effect_id)
            context.emit(FailedTurn.by(self.state.open.turn_id, gone).event())
        for turn_id in self.state.waiting:
            context.emit(FailedTurn.by(turn_id, gone).event())
        context.delete_rows(ChatMessageRow, conversation_id=self.key)
        context.delete()
        return True

    @effect(timeout_s=ANSWER_WITHIN_S)
    async def answer(self, turn_id: str, user_id: str, context: EffectContext) -> Answer:
        """Ask the chosen model; a rerun streams a new generation from the beginning."""
        turn = self.state.open
        if turn is not None and turn.turn_id == turn_id and turn.cancelled:
            raise _cancelled()
        history = self._history or await self._read_history(context)
        return await compose(turn_id, user_id, history.prompt(turn_id), context)

    async def answered(self, answer: Answer, context: Context) -> None:
        """Store the answer, then begin the next waiting turn."""
        turn = self.state.open
        if turn is None or turn.turn_id != answer.turn_id:
            return
        if turn.cancelled:
            await self.failed(_cancelled(), context)
            return
        context.explain(answer.route.reason)
        history = await self._loaded(context)
        stored = self._insert(context, answer.turn_id, answer.text, answer=answer)
        context.emit(
            TurnDone(
                turn_id=answer.turn_id,
                generation=answer.generation,
                message=stored,
                usage=usage_of(answer.prompt_tokens, answer.completion_tokens),
                route=_route_of(answer),
            )
        )
        history.answer(answer.turn_id, answer.text)
        self._tell_absent(notices.ANSWER_READY, context)
        self._begin_next(context)

    async def failed(self, error: VareonError, context: Context) -> None:
        """End the turn without an answer, then begin the next waiting one."""
        turn = self.state.open
        if turn is None:
            return
        failed = FailedTurn.by(turn.turn_id, _cancelled() if turn.cancelled else error)
        self.state.keep_failure(failed)
        context.emit(failed.event())
        if not turn.cancelled:
            self._tell_absent(notices.ANSWER_FAILED, context)
        self._begin_next(context)

    async def catch_up(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        """The rest of a turn whose end a reader missed, and the turns that began after it."""
        history = await self._loaded(context)
        frames: list[Event | Delta | Reset] = []
        if not self.state.is_pending(position.stream):
            frames += await self._rest_of_turn(position, context)
        later = history.after(position.stream)
        ended = [one for one in later if not self.state.is_pending(one.turn_id)]
        frames += await self._whole_turns(fitting(ended), context)
        waiting = (one for one in later if self.state.is_pending(one.turn_id))
        frames += [accepted_again(one) for one in waiting]
        return frames

    async def _rest_of_turn(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        failed = self.state.failure(position.stream)
        if failed is not None:
            return (failed.event(),)
        rows = await context.read(turn_rows(self.key, position.stream))
        if not rows:
            return ()
        if rows[-1].sender != "llm":
            return (unanswered(position.stream),)
        return rest_of_answer(self.key, position, rows[-1])

    async def _whole_turns(
        self, exchanges: Sequence[Exchange], context: Context
    ) -> list[Event | Delta | Reset]:
        answered = [one.turn_id for one in exchanges if one.answer is not None]
        rows = await context.read(answers_of(self.key, answered)) if answered else ()
        answers = {row.turn_id: row for row in rows}
        frames: list[Event | Delta | Reset] = []
        for one in exchanges:
            frames.append(accepted_again(one))
            failed = self.state.failure(one.turn_id)
            if one.turn_id in answers:
                start = Position(one.turn_id, 0, 0)
                frames += rest_of_answer(self.key, start, answers[one.turn_id])
            else:
                frames.append(failed.event() if failed is not None else unanswered(one.turn_id))
        return frames

    def _open_for_principal(self, title: str | None, context: Context) -> None:
        if context.principal is None:
            raise NotAuthenticated("Sign in to open a conversation.")
        try:
            uuid.UUID(self.key)
        except ValueError:
            raise InvalidMessage("A conversation's id is a UUID.") from None
        now = context.now()
        self.state.user_id = context.principal.user_id
        self.state.title = title
        self.state.created_at = self.state.updated_at = now

    async def _said_before(self, message: PostMessage, context: Context) -> TurnView | None:
        if message.client_id is None or not self.exists:
            return None
        history = await self._loaded(context)
        known = history.by_client_id(message.client_id)
        if known is not None:
            turn_id, message_id, content = known.turn_id, known.message_id, known.question
        elif history.complete:
            return None
        else:
            rows = await context.read(question_of(self.key, message.client_id))
            if not rows:
                return None
            turn_id, message_id, content = rows[0].turn_id, rows[0].id, rows[0].message_content
        if content != message.content:
            raise IdReused("This message id was used for a different message; use a new one.")
        return TurnView(turn_id, message_id, message.client_id, repeated=True)

    async def _accept(self, message: PostMessage, context: Context) -> TurnView:
        history = await self._loaded(context)
        turn_id = context.new_id()
        stored = self._insert(context, turn_id, message.content, client_id=message.client_id)
        self.state.waiting.append(turn_id)
        context.emit(TurnAccepted(turn_id, stored.id, message.client_id))
        history.ask(Exchange(turn_id, stored.id, message.client_id, message.content))
        if self.state.open is None:
            self._begin_next(context)
        return TurnView(turn_id, stored.id, message.client_id)

    def _begin_next(self, context: Context) -> None:
        self.state.open = None
        if self.state.waiting:
            turn_id = self.state.waiting.pop(0)
            call = self.answer(turn_id, self.state.user_id)
            effect_id = context.start(call, then=self.answered, failed=self.failed)
            self.state.open = OpenTurn(turn_id, effect_id)

    def _insert(
        self,
        context: Context,
        turn_id: str,
        content: str,
        *,
        client_id: str | None = None,
        answer: Answer | None = None,
    ) -> StoredMessage:
        sender = "user" if answer is None else "llm"
        now = context.now()
        stored = StoredMessage(
            id=context.new_id(),
            conversation_id=self.key,
            user_id=self.state.user_id,
            sender=sender,
            message_content=content,
            timestamp=now,
        )
        context.insert(
            ChatMessageRow,
            id=stored.id,
            conversation_id=self.key,
            user_id=stored.user_id,
            position=self.state.next_position,
            turn_id=turn_id,
            client_id=client_id,
            sender=sender,
            message_content=content,
            generation=0 if answer is None else answer.generation,
            model_name=None if answer is None else answer.route.model_name[:200],
            prompt_tokens=None if answer is None else answer.prompt_tokens,
            completion_tokens=None if answer is None else answer.completion_tokens,
            timestamp=now,
        )
        self.state.next_position += 1
        self.state.updated_at = now
        return stored

    def _tell_absent(self, kind: str, context: Context) -> None:
        """Whoever watches needs no notification."""
        if not context.watched:
            facts = {"title": self.state.title or "Conversation", "conversation_id": self.key}
            context.send(names.notifications(self.state.user_id), Notify(kind, facts))

    async def _loaded(self, context: Context) -> History:
        if self._history is None:
            self._history = await self._read_history(context)
        return self._history

    async def _read_history(self, context: Any) -> History:
        if self.state.next_position == 0:
            return History()
        rows = await context.read(newest_messages(self.key))
        return History.of_rows(rows, complete=len(rows) == self.state.next_position)

    def _view(self) -> ConversationView:
        state = self.state
        return ConversationView(
            self.key, state.user_id, state.title, state.created_at, state.updated_at
        )


def _route_of(answer: Answer) -> dict[str, Any]:
    route = answer.route
    return {
        "model": route.model_name,
        "provider": route.provider_name,
        "provider_id": route.provider_id,
        "model_id": route.model_id,
        "reason": route.reason,
        "finish_reason": answer.finish_reason,
    }


def _cancelled() -> Cancelled:
    return Cancelled("The answer was stopped.")


def _check(message: PostMessage) -> None:
    if not 0 < len(message.content) <= MAX_CONTENT:
        raise InvalidMessage(f"A message has 1 to {MAX_CONTENT:,} characters.")
    if message.client_id is not None and not 0 < len(message.client_id) <= MAX_CLIENT_ID:
        raise InvalidMessage(f"A message's own id has 1 to {MAX_CLIENT_ID} characters.")
