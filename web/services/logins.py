"""Whose a name or an e-mail is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from vareon_runtime.models import UserLoginRow, UserRow, login_key
from web.refusals import Taken
from web.services.accounts import Rows


async def refuse_taken(
    rows: Rows,
    *,
    username: str | None = None,
    email: str | None = None,
    besides: str = "",
    username_taken: str = "Username already registered",
) -> None:
    """Refuse a name or an e-mail that is somebody else's.

    Args:
        rows: Where to look.
        username: The name, if one is wanted.
        email: The e-mail, if one is wanted.
        besides: The user whose own they may be.
        username_taken: What is said of a name.

    Raises:
        Taken: If one is.
    """
    if username and await _owner(rows, username, UserRow.username) not in (None, besides):
        raise Taken(username_taken)
    if email and await _owner(rows, email, UserRow.email) not in (None, besides):
        raise Taken("Email already registered")


async def owner_of(rows: Rows, login: str) -> Any:
    """The account of a name or an e-mail: its id and whether it is verified; None if none."""
    by_login = select(UserLoginRow.user_id).where(UserLoginRow.login == login_key(login))
    found = await rows.rows(
        select(UserRow.id, UserRow.is_verified)
        .where(or_(UserRow.email == login, UserRow.id == by_login.scalar_subquery()))
        .order_by(UserRow.created_at)
        .limit(1)
    )
    return found[0] if found else None


async def _owner(rows: Rows, login: str, column: Any) -> str | None:
    by_login = select(UserLoginRow.user_id).where(UserLoginRow.login == login_key(login))
    exact = select(UserRow.id).where(column == login)
    found = [row[0] for row in await rows.rows(by_login.union(exact))]
    return found[0] if found else None
