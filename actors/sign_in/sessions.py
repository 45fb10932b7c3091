"""The sessions of one account: each a family of refresh tokens, of which one counts."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

import msgspec

from actors import names, notices, policy
from actors.sign_in.messages import (
    SESSION_LIFE_S,
    DeleteSessions,
    EndSession,
    EndSessions,
    OpenSession,
    RefreshOutcome,
    RefreshSession,
    SpendTicket,
    TouchSession,
)
from actors.system.messages import Notify
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound
from vareon_runtime.models import SessionRow

MOST_SESSIONS = 50
"""One more ends the one that was not used for the longest time."""
GRACE_S = 60.0
"""So long a token that was traded may be traded again, for an answer may be lost on its way."""
_DIGEST = 32
_NOT_FOUND = "Session not found"


class Session(msgspec.Struct, frozen=True):
    """One of them.

    Attributes:
        current: Digest of the refresh token that counts.
        previous: Digest of the one before.
        traded_at: When that was traded.
    """

    token_version: int
    current: bytes
    previous: bytes
    traded_at: datetime
    used_at: datetime
    expires_at: datetime


class SessionsState(State):
    """Sessions by their ids; never more than `MOST_SESSIONS`."""

    sessions: dict[str, Session] = msgspec.field(default_factory=dict)


@entity("sessions")
class Sessions(Entity[SessionsState]):
    """Under the user's id. What is listed of a session is in its row."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only the user, and who manages accounts."""
        who = context.principal
        if who is None or who.user_id == self.key:
            return
        if not policy.may(who, policy.MANAGE_ACCOUNTS):
            raise NotFound(_NOT_FOUND)

    @command(creates=True)
    async def open(self, message: OpenSession, context: Context) -> bool:
        """Begin one."""
        if message.session_id in self.state.sessions:
            raise Conflict("This session exists already.")
        if len(message.digest) != _DIGEST:
            raise InvalidMessage("A digest has 32 bytes.")
        now = context.now()
        self._make_room(now, context)
        session = Session(
            token_version=message.token_version,
            current=message.digest,
            previous=b"",
            traded_at=now,
            used_at=now,
            expires_at=_end(now),
        )
        self.state.sessions[message.session_id] = session
        context.insert(
            SessionRow,
            id=message.session_id,
            user_id=self.key,
            token_version=session.token_version,
            address=message.address[:45],
            client=message.client[:200],
            created_at=now,
            last_used_at=now,
            expires_at=session.expires_at,
        )
        return True

    @command
    async def refresh(self, message: RefreshSession, context: Context) -> RefreshOutcome:
        """Trade a token for the next, or end the family of one that was traded before."""
        session = self.state.sessions.get(message.session_id)
        now = context.now()
        if session is None:
            return "gone"
        if session.expires_at <= now or session.token_version != message.token_version:
            self._end(message.session_id, context)
            return "gone"
        if hmac.compare_digest(message.presented, session.current):
            traded = {
                "current": message.following,
                "previous": message.presented,
                "traded_at": now,
            }
            self._use(message.session_id, session, context, **traded)
            return "renewed"
        again = hmac.compare_digest(message.presented, session.previous)
        if again and now - session.traded_at <= timedelta(seconds=GRACE_S):
            return "renewed"
        self._end(message.session_id, context)
        context.send(names.notifications(self.key), Notify(notices.SESSION_ENDED))
        return "reused"

    @command
    async def touch(self, message: TouchSession, context: Context) -> bool:
        """Note that it is used."""
        session = self.state.sessions.get(message.session_id)
        if session is None:
            return False
        self._use(message.session_id, session, context)
        return True

    @command
    async def end(self, message: EndSession, context: Context) -> bool:
        """End one."""
        if message.session_id not in self.state.sessions:
            raise NotFound(_NOT_FOUND)
        self._end(message.session_id, context)
        return True

    @command
    async def end_all(self, message: EndSessions, context: Context) -> int:
        """End all but one."""
        ended = [one for one in self.state.sessions if one != message.keep]
        for session_id in ended:
            self._end(session_id, context)
        return len(ended)

    @command
    async def delete(self, message: DeleteSessions, context: Context) -> bool:
        """Go with the account."""
        context.delete_rows(SessionRow, user_id=self.key)
        context.delete()
        return True

    @command(creates=True)
    async def spend(self, message: SpendTicket, context: Context) -> bool:
        """Remember that a ticket was used; the inbox does."""
        return True

    def _use(
        self, session_id: str, session: Session, context: Context, **changes: bytes | datetime
    ) -> None:
        now = context.now()
        used = msgspec.structs.replace(session, used_at=now, expires_at=_end(now), **changes)
        self.state.sessions[session_id] = used
        context.update(SessionRow, {"id": session_id}, last_used_at=now, expires_at=used.expires_at)

    def _end(self, session_id: str, context: Context) -> None:
        del self.state.sessions[session_id]
        context.delete_rows(SessionRow, id=session_id)

    def _make_room(self, now: datetime, context: Context) -> None:
        sessions = self.state.sessions
        for session_id in [one for one, session in sessions.items() if session.expires_at <= now]:
            self._end(session_id, context)
        while len(sessions) >= MOST_SESSIONS:
            self._end(min(sessions, key=lambda one: sessions[one].used_at), context)


def _end(now: datetime) -> datetime:
    return now + timedelta(seconds=SESSION_LIFE_S)
