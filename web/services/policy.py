"""Who may do what: permissions are named ``<module>:<action>`` and grouped in roles."""

from __future__ import annotations

from collections.abc import Iterable

from web.schemas.profile import PermissionOut, RoleOut

READ_ACCOUNT = "accounts:read"
UPDATE_ACCOUNT = "accounts:update"
CREATE_ACCOUNT = "accounts:create"
READ_CHAT = "arcana:read"
CHAT = "arcana:chat"
READ_MODELS = "cognisys:read"
WRITE_MODELS = "cognisys:write"
SET_PREFERENCE = "cognisys:prefer"
ASK_ENTITY = "entities:ask"
TELL_ENTITY = "entities:tell"
READ_STATUS = "system:status"
SEARCH = "system:search"
READ_SYSTEM = "system:read"
DECIDE_DEAD_LETTERS = "system:dead_letters"
READ_MAIL = "system:mail"

_VIEWER = frozenset(
    {READ_ACCOUNT, UPDATE_ACCOUNT, READ_CHAT, READ_MODELS, ASK_ENTITY, SEARCH, READ_STATUS}
)
_MEMBER = _VIEWER | {CHAT, SET_PREFERENCE, TELL_ENTITY}
_OPERATOR = _MEMBER | {READ_SYSTEM}
_ADMIN = _OPERATOR | {CREATE_ACCOUNT, WRITE_MODELS, DECIDE_DEAD_LETTERS, READ_MAIL}

ROLES: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "member": _MEMBER,
    "operator": _OPERATOR,
    "admin": _ADMIN,
}

PERMISSIONS = _ADMIN
"""Every permission there is; a route that names another one cannot be built."""


def granted(roles: Iterable[str]) -> frozenset[str]:
    """What these roles allow together; an unknown role allows nothing."""
    found: frozenset[str] = frozenset()
    for role in roles:
        found |= ROLES.get(role, frozenset())
    return found


def role_of(name: str) -> RoleOut:
    """A role as it is shown, with what it allows."""
    allowed = sorted(ROLES.get(name, frozenset()))
    return RoleOut(name, name, [PermissionOut(one, one) for one in allowed])
