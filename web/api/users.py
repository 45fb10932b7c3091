"""Everybody's accounts."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from actors.accounts.messages import InvitationView
from web.api.answers import answer, page_answer
from web.auditing import about
from web.caller import caller_of
from web.given import body_of, query_of
from web.routes import PUBLIC, Route
from web.schemas.accounts import DoneOut, UserIn
from web.schemas.profile import MessageOut
from web.schemas.users import AcceptIn, InviteIn, PasswordIn, RolesIn, UserOut, UsersQuery
from web.services import policy
from web.services.invitations import Invitations
from web.services.paging import Page
from web.services.users import Users


class UserRoutes:
    """``/api/users``, the caller's own account excepted."""

    def __init__(self, users: Users, invitations: Invitations) -> None:
        self._users = users
        self._invitations = invitations

    def routes(self) -> list[Route]:
        """What is served here."""
        users, see, manage = "/api/users", policy.LIST_ACCOUNTS, policy.MANAGE_ACCOUNTS
        one = users + "/{id}"
        return [
            Route("GET", users, see, self.page, query=UsersQuery, answer=list[UserOut]),
            Route(
                "POST",
                users,
                policy.CREATE_ACCOUNT,
                self.create,
                body=UserIn,
                answer=UserOut,
                status=201,
                audit="user.create",
            ),
            Route(
                "POST",
                users + "/invite",
                policy.CREATE_ACCOUNT,
                self.invite,
                body=InviteIn,
                answer=InvitationView,
                status=201,
                audit="user.invite",
            ),
            Route(
                "POST",
                users + "/accept-invitation",
                PUBLIC,
                self.accept,
                body=AcceptIn,
                answer=MessageOut,
                status=201,
                audit="user.accept_invitation",
            ),
            Route("GET", one, see, self.user, answer=UserOut),
            Route("DELETE", one, manage, self.delete, answer=DoneOut, audit="user.delete"),
            Route(
                "PUT",
                one + "/roles",
                manage,
                self.set_roles,
                body=RolesIn,
                answer=UserOut,
                audit="user.roles",
            ),
            Route(
                "PUT",
                one + "/password",
                manage,
                self.set_password,
                body=PasswordIn,
                answer=DoneOut,
                audit="user.password",
            ),
            Route(
                "POST", one + "/disable", manage, self.disable, answer=UserOut, audit="user.disable"
            ),
            Route(
                "POST", one + "/enable", manage, self.enable, answer=UserOut, audit="user.enable"
            ),
        ]

    async def page(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All accounts, the oldest first, or those whose name or e-mail begins like ``search``."""
        query = query_of(request, UsersQuery)
        items, cursor = await self._users.page(Page.asked(query), query.search)
        return page_answer(request, items, cursor)

    async def create(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Open an account."""
        body = body_of(request, UserIn)
        about(request, detail=f"{body.username}: {', '.join(body.roles)}")
        made = await self._users.create(
            caller_of(request).principal, body.username, body.password, body.roles, body.email
        )
        about(request, target=f"user/{made.id}")
        return answer(made, status=201)

    async def invite(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Send somebody a letter whose link opens an account with these roles."""
        body = body_of(request, InviteIn)
        about(request, detail=f"{body.email}: {', '.join(body.roles)}")
        principal = caller_of(request).principal
        made = await self._invitations.invite(principal, body.email, body.roles)
        about(request, target=f"invitation/{made.id}")
        return answer(made, status=201)

    async def accept(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Open the account that one was invited to, under a name and with a password."""
        body = body_of(request, AcceptIn)
        made = await self._invitations.accept(body.token, body.username, body.password)
        about(request, user_id=made.id, target=f"user/{made.id}")
        return answer(MessageOut("Your account is open. Sign in with it."), status=201)

    async def user(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One account."""
        return answer(await self._users.user(request.match_info["id"]))

    async def delete(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Delete an account; the last active administrator's stays."""
        await self._users.delete(caller_of(request).principal, request.match_info["id"])
        return answer(DoneOut("Account deleted"))

    async def set_roles(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Give an account these roles and no others; its tokens count no more."""
        roles = body_of(request, RolesIn).roles
        about(request, detail=", ".join(roles))
        principal = caller_of(request).principal
        return answer(await self._users.set_roles(principal, request.match_info["id"], roles))

    async def set_password(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Give an account another password; its tokens count no more."""
        password = body_of(request, PasswordIn).password
        principal = caller_of(request).principal
        await self._users.set_password(principal, request.match_info["id"], password)
        return answer(DoneOut("Password changed"))

    async def disable(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Keep an account from signing in; the last active administrator's stays open."""
        return await self._set_active(request, is_active=False)

    async def enable(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Let it sign in again."""
        return await self._set_active(request, is_active=True)

    async def _set_active(
        self, request: aiohttp_web.Request, *, is_active: bool
    ) -> aiohttp_web.Response:
        principal, user_id = caller_of(request).principal, request.match_info["id"]
        return answer(await self._users.set_active(principal, user_id, is_active=is_active))
