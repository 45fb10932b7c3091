"""What roles, built in or made here, allow: read from the rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from actors import policy
from vareon_runtime.entity import Context
from vareon_runtime.errors import InvalidMessage, NotFound
from vareon_runtime.models import RolePermissionRow, RoleRow, UserRoleRow, UserRow

MOST_HELD = 20
"""Roles that one account may hold."""

_ALLOWED = (
    select(RoleRow.id, RolePermissionRow.permission)
    .outerjoin(RolePermissionRow, RolePermissionRow.role_id == RoleRow.id)
    .where(RoleRow.id.in_(bindparam("roles", expanding=True)))
)
_ACCOUNT = (
    select(UserRow.is_active, UserRoleRow.role)
    .outerjoin(UserRoleRow, UserRoleRow.user_id == UserRow.id)
    .where(UserRow.id == bindparam("user_id"))
)


class Access(NamedTuple):
    """What an account may do."""

    is_active: bool
    roles: tuple[str, ...]


async def access_of(user_id: str, context: Context) -> Access:
    """What an account may do, as it is committed.

    Raises:
        NotFound: If there is no such account.
    """
    rows: list[Any] = await context.read(_ACCOUNT, user_id=user_id)
    if not rows:
        raise NotFound("User not found")
    return Access(bool(rows[0].is_active), tuple(sorted(row.role for row in rows if row.role)))


async def allowed(roles: Iterable[str], context: Context) -> frozenset[str]:
    """What these roles allow together; one that is gone allows nothing."""
    return (await _looked_up(roles, context))[1]


async def known(roles: Iterable[str], context: Context) -> tuple[tuple[str, ...], frozenset[str]]:
    """These roles, each once, and what they allow together.

    Raises:
        InvalidMessage: If there are too many, or one does not exist.
    """
    wanted = tuple(dict.fromkeys(roles))
    if len(wanted) > MOST_HELD:
        raise InvalidMessage(f"An account holds up to {MOST_HELD} roles.")
    found, permissions = await _looked_up(wanted, context)
    unknown = [role for role in wanted if role not in found]
    if unknown:
        raise InvalidMessage(f"'{unknown[0][:40]}' is not a role; GET /api/roles lists them.")
    return wanted, permissions


async def existing(roles: Iterable[str], context: Context) -> tuple[str, ...]:
    """Those of these roles that are still there."""
    wanted = tuple(roles)
    found, _ = await _looked_up(wanted, context)
    return tuple(role for role in wanted if role in found)


async def _looked_up(
    roles: Iterable[str], context: Context
) -> tuple[frozenset[str], frozenset[str]]:
    wanted = frozenset(roles)
    builtin = wanted & policy.ROLES.keys()
    made = sorted(wanted - builtin)
    permissions = policy.granted(tuple(sorted(builtin)))
    if not made:
        return builtin, permissions
    rows = await context.read(_ALLOWED, roles=made)
    allows = frozenset(row.permission for row in rows if row.permission in policy.PERMISSIONS)
    return builtin | {row.id for row in rows}, permissions | allows
