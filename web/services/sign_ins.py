"""Sessions: begun with a password, carried on by refresh tokens, ended by whoever has them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select

from actors import names
from actors.accounts.messages import SignOutEverywhere
from actors.sign_in.messages import EndSession, EndSessions, OpenSession, RefreshSession
from vareon_runtime.clock import Clock, utc
from vareon_runtime.errors import NotAuthenticated, NotFound
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.models import SessionRow, UserRow
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.telemetry import event
from web.caller import Caller, Grant
from web.refusals import TokenReused
from web.schemas.sign_in import SessionOut
from web.services.accounts import Account, Rows
from web.services.paging import AnySelect, Page
from web.services.refresh_tokens import RefreshToken, RefreshTokens
from web.services.tokens import Tokens

_OVER = "This session is over; sign in again."
_OWNER = select(
    SessionRow.user_id, SessionRow.token_version, UserRow.is_active, UserRow.token_version
).join(UserRow, UserRow.id == SessionRow.user_id)
_LISTED: AnySelect = select(
    SessionRow.id,
    SessionRow.created_at,
    SessionRow.last_used_at,
    SessionRow.expires_at,
    SessionRow.address,
    SessionRow.client,
).join(UserRow, UserRow.id == SessionRow.user_id)


class Pair(NamedTuple):
    """What a session is carried on with."""

    access: str
    refresh: str
    cookie: str


class SignIns:
    """Begins, carries on, lists and ends sessions.

    Args:
        rows: The database.
        bus: The way to the accounts' entities.
        ids: Names sessions.
        tokens: Signs access tokens and cookies.
        refresh: Makes refresh tokens.
        clock: Decides what is over.
    """

    def __init__(
        self,
        rows: Rows,
        bus: MessageBus,
        ids: IdSource,
        tokens: Tokens,
        refresh: RefreshTokens,
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._bus = bus
        self._ids = ids
        self._tokens = tokens
        self._refresh = refresh
        self._clock = clock

    async def begin(self, account: Account, address: str, client: str) -> Pair:
        """A session for an account whose password was right.

        Args:
            account: Whose.
            address: Where they are.
            client: What program they use.
        """
        grant = Grant(account.id, account.token_version, self._ids.text_id())
        token = self._refresh.first(grant.session_id or "")
        message = OpenSession(
            session_id=token.session_id,
            token_version=account.token_version,
            digest=token.digest,
            address=address,
            client=client,
        )
        await self._bus.ask(names.sessions(account.id), message, principal=Principal(account.id))
        return self._pair(grant, token)

    async def carry_on(self, refresh_token: str) -> Pair:
        """The next pair for a refresh token; the same for the same token, for a short time.

        Raises:
            NotAuthenticated: If it does not count.
            TokenReused: If it was traded before, which ends its session.
        """
        token = self._refresh.read(refresh_token)
        found = await self._rows.rows(_OWNER.where(SessionRow.id == token.session_id))
        if not found:
            raise NotAuthenticated(_OVER)
        user_id, begun_with, is_active, token_version = found[0]
        if not is_active or begun_with != token_version:
            raise NotAuthenticated(_OVER)
        following = self._refresh.following(token)
        message = RefreshSession(
            session_id=token.session_id,
            token_version=token_version,
            presented=token.digest,
            following=following.digest,
        )
        try:
            outcome = await self._bus.ask(
                names.sessions(user_id), message, principal=Principal(user_id)
            )
        except NotFound as error:
            raise NotAuthenticated(_OVER) from error
        if outcome == "reused":
            event("refresh_token_reused", user_id=user_id, session_id=token.session_id)
            reused = TokenReused(_OVER)
            reused.user_id, reused.session_id = user_id, token.session_id
            raise reused
        if outcome != "renewed":
            raise NotAuthenticated(_OVER)
        return self._pair(Grant(user_id, token_version, token.session_id), following)

    async def listed(self, caller: Caller, page: Page) -> tuple[list[SessionOut], str | None]:
        """The caller's sessions that count, the newest first."""
        statement = page.of(
            _LISTED.where(
                SessionRow.user_id == caller.user_id,
                SessionRow.token_version == UserRow.token_version,
                SessionRow.expires_at > utc(self._clock.time()),
            ),
            SessionRow.created_at,
            SessionRow.id,
            newest_first=True,
        )
        rows, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return [_told(row, caller.grant.session_id) for row in rows], cursor

    async def end(self, principal: Principal, session_id: str) -> None:
        """End one of the caller's sessions.

        Raises:
            NotFound: If they have no such session.
        """
        await self._bus.ask(
            names.sessions(principal.user_id), EndSession(session_id), principal=principal
        )

    async def end_others(self, caller: Caller) -> int:
        """End all of the caller's sessions but the one they came with; tells how many."""
        message = EndSessions(keep=caller.grant.session_id)
        try:
            return await self._bus.ask(
                names.sessions(caller.user_id), message, principal=caller.principal
            )
        except NotFound:
            return 0

    async def end_everywhere(self, principal: Principal) -> None:
        """Let no session and no token of the caller's count any more; their keys still do."""
        await self._bus.ask(names.user(principal.user_id), SignOutEverywhere(), principal=principal)

    def _pair(self, grant: Grant, token: RefreshToken) -> Pair:
        return Pair(
            self._tokens.issue_access(*grant[:3]),
            self._refresh.written(token),
            self._tokens.issue_session(*grant[:3]),
        )


def _told(row: Any, current: str | None) -> SessionOut:
    return SessionOut(
        id=row.id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        address=row.address,
        client=row.client,
        current=row.id == current,
    )
