"""Inviting people, and taking an invitation up."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from actors import names
from actors.accounts.messages import AcceptInvitation, InvitationView, Invite, UserView
from vareon_runtime.errors import InvalidMessage, NotFound, NotPermitted
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.models import InvitationRow, token_hash
from vareon_runtime.routing.bus import MessageBus
from web.refusals import BadToken
from web.services.accounts import Rows
from web.services.first_run import SYSTEM
from web.services.logins import refuse_taken
from web.services.passwords import Passwords
from web.services.roles import Roles

_CLOSED = "Registration is closed here, also for who was invited; ask an administrator to add you."
_NO_GOOD = "This invitation is not good any more; ask for another one."


class Invitations:
    """What is done with invitations.

    Args:
        closed: Nobody opens an account of their own here, invited or not.
    """

    def __init__(
        self,
        rows: Rows,
        bus: MessageBus,
        ids: IdSource,
        roles: Roles,
        passwords: Passwords,
        *,
        closed: bool = False,
    ) -> None:
        self._closed = closed
        self._rows = rows
        self._bus = bus
        self._ids = ids
        self._roles = roles
        self._passwords = passwords

    async def invite(
        self, principal: Principal, email: str, roles: Sequence[str]
    ) -> InvitationView:
        """Have a letter sent whose link opens an account, once, within seven days.

        Raises:
            Taken: If the e-mail has an account.
            NotPermitted: If a role allows more than whoever invites may do, or nobody could accept.
        """
        self._refuse_if_closed()
        await refuse_taken(self._rows, email=email)
        message = Invite(email, await self._roles.ids(roles))
        target = names.invitation(self._ids.text_id())
        return await self._bus.ask(target, message, principal=principal)

    async def accept(self, token: str, username: str, password: str) -> UserView:
        """Open the account that an invitation is for.

        Raises:
            BadToken: If the token is none, was used, or is too old.
            Taken: If the name, or meanwhile the e-mail, is somebody else's.
            NotPermitted: If registration was closed since.
        """
        self._refuse_if_closed()
        hashed_token = token_hash(token)
        wanted = select(InvitationRow.id, InvitationRow.email)
        rows = await self._rows.rows(wanted.where(InvitationRow.token_hash == hashed_token))
        if not rows:
            raise BadToken(_NO_GOOD)
        await refuse_taken(self._rows, username=username, email=rows[0].email)
        message = AcceptInvitation(
            token_hash=hashed_token,
            user_id=self._ids.text_id(),
            username=username,
            hashed_password=await self._passwords.hashed(password),
        )
        try:
            return await self._bus.ask(names.invitation(rows[0].id), message, principal=SYSTEM)
        except NotFound:
            raise BadToken(_NO_GOOD) from None
        except InvalidMessage as error:
            raise (BadToken(_NO_GOOD) if error.detail == _NO_GOOD else error) from None

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise NotPermitted(_CLOSED)
