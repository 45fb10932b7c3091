"""The language of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from vareon_runtime.entity import Message, Request
from vareon_runtime.message import Upgrade


def _as_verified(fields: dict[str, Any]) -> dict[str, Any]:
    # Whoever had an account then had it from an administrator.
    return {**fields, "is_verified": True}


def _with_verified_account(fields: dict[str, Any]) -> dict[str, Any]:
    account = fields.get("account")
    return {**fields, "account": _as_verified(account)} if account else fields


class UserView(Message, frozen=True):
    """An account without its password."""

    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _as_verified}

    id: str
    username: str
    email: str | None
    is_active: bool
    roles: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    is_verified: bool = False


class Outcome(Message, frozen=True):
    """What a request of the user's was answered with."""

    status: int
    body: bytes


class BeginKeyed(Request[bytes], frozen=True):
    """A request under the user's key begins; answered with the attempt that was the first.

    Its message id is derived from principal, route and key, so that the inbox is the memory.
    """

    attempt: bytes


class KeepFound(Request[bytes], frozen=True):
    """What a keyed request has read, before it changes anything; answered with what was first.

    Attributes:
        found: See `web.found`. None only asks for it: *not found* if none is kept.
    """

    found: bytes | None = None


class KeepOutcome(Request[Outcome], frozen=True):
    """What a keyed request came to; answered with what was kept first.

    Attributes:
        outcome: None only asks for it: *not found* if none is kept.
    """

    outcome: Outcome | None = None


class CreateUser(Request[UserView], frozen=True):
    """Open an account under the addressed id."""

    username: str
    hashed_password: str
    roles: tuple[str, ...] = ("member",)
    email: str | None = None


class RegisterUser(Request[bool], frozen=True):
    """Open one's own account under the addressed id. Only the system asks for it."""

    username: str
    email: str
    hashed_password: str


class VerifyEmail(Request[bool], frozen=True):
    """The token came back whose hash this is. Only the system asks for it."""

    token_hash: str


class ResendVerification(Message, frozen=True):
    """Mail another link, if there is something to verify."""


class ChangeAccount(Request[bool], frozen=True):
    """Change what is given; a new e-mail counts once it is verified."""

    username: str | None = None
    email: str | None = None


class ChangePassword(Request[bool], frozen=True):
    """Replace a password that was checked.

    Attributes:
        replacing: The stored hash that it was checked against.
    """

    hashed_password: str
    replacing: str


class IssueReset(Message, frozen=True):
    """Mail a link that sets a new password. Only the system asks for it."""


class ResetPassword(Request[bool], frozen=True):
    """Set a new password for the token whose hash this is. Only the system asks for it."""

    token_hash: str
    hashed_password: str


class CloseAccount(Request[bool], frozen=True):
    """Delete the account and everything of theirs; true once nobody can sign in any more.

    Only the roster asks this: it keeps an administrator.
    """


class AskForLetter(Request[bool], frozen=True):
    """Somebody who is not signed in asks for a letter; answered alike whoever they are.

    Attributes:
        address: The e-mail or name they gave.
        letter: ``reset`` or ``verify``.
    """

    address: str
    letter: str


class SetAccess(Request[UserView], frozen=True):
    """Change what an account may do; None leaves a thing as it is. Only the roster asks this.

    Attributes:
        roles: Names of built-in roles and ids of others, checked already.
    """

    roles: tuple[str, ...] | None = None
    is_active: bool | None = None
    hashed_password: str | None = None


class AccessOutcome(Message, frozen=True):
    """What became of a change: the account as it is now, or why not.

    Attributes:
        account: None if it was refused, or is gone.
        code: The error's; empty if it was done.
    """

    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _with_verified_account}

    account: UserView | None = None
    code: str = ""
    detail: str = ""


class ChangeAccess(Request[AccessOutcome], frozen=True):
    """Ask the roster to change what an account may do; None leaves a thing as it is."""

    user_id: str
    roles: tuple[str, ...] | None = None
    is_active: bool | None = None
    hashed_password: str | None = None


class EndAccount(Request[AccessOutcome], frozen=True):
    """Ask the roster to close an account; its owner may, too."""

    user_id: str


class RoleView(Message, frozen=True):
    """A role and what it allows.

    Attributes:
        builtin: Whether it is always there and cannot be changed.
    """

    id: str
    name: str
    description: str
    permissions: tuple[str, ...]
    builtin: bool = False


class CreateRole(Request[RoleView], frozen=True):
    """Make a role under the addressed id."""

    name: str
    permissions: tuple[str, ...]
    description: str = ""


class ChangeRole(Request[RoleView], frozen=True):
    """Change it; None leaves a thing as it is."""

    name: str | None = None
    permissions: tuple[str, ...] | None = None
    description: str | None = None


class DeleteRole(Request[bool], frozen=True):
    """End it, and take it from whoever holds it."""


class InvitationView(Message, frozen=True):
    """Somebody who was invited."""

    id: str
    email: str
    expires_at: datetime


class Invite(Request[InvitationView], frozen=True):
    """Invite somebody under the addressed id: a letter goes to them.

    Attributes:
        roles: Names of built-in roles and ids of others; what their account will hold.
    """

    email: str
    roles: tuple[str, ...]


class AcceptInvitation(Request[UserView], frozen=True):
    """The token came back whose hash this is. Only the system asks for it.

    Attributes:
        user_id: Of the account that is to be opened.
    """

    token_hash: str
    user_id: str
    username: str
    hashed_password: str


class SignOutEverywhere(Request[int], frozen=True):
    """No token given out before counts any more; answered with the new token version."""
