"""Who may do what: the one place that HTTP, WebSockets and entities ask.

Permissions are named ``<module>:<action>`` and grouped in roles. A principal carries *grants*: the
names of built-in roles, and the permissions that other roles gave it, spelled out. So a message
says by itself what its sender may do, and nobody has to look a role up to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from vareon_runtime.errors import NotPermitted
from vareon_runtime.identity import Principal

READ_ACCOUNT = "accounts:read"
UPDATE_ACCOUNT = "accounts:update"
LIST_ACCOUNTS = "accounts:list"
CREATE_ACCOUNT = "accounts:create"
END_SESSION = "accounts:sign_out"
MANAGE_KEYS = "accounts:keys"
MANAGE_ACCOUNTS = "accounts:manage"
READ_ROLES = "roles:read"
WRITE_ROLES = "roles:write"
READ_CHAT = "arcana:read"
CHAT = "arcana:chat"
OTHERS_CHATS = "arcana:others"
READ_MODELS = "cognisys:read"
WRITE_MODELS = "cognisys:write"
CONNECT_PRIVATE = "cognisys:private"
SET_PREFERENCE = "cognisys:prefer"
OTHERS_PREFERENCES = "cognisys:others"
ASK_ENTITY = "entities:ask"
TELL_ENTITY = "entities:tell"
READ_STATUS = "system:status"
SEARCH = "system:search"
READ_NOTIFICATIONS = "notifications:read"
UPDATE_NOTIFICATIONS = "notifications:update"
SEARCH_ALL = "system:search_all"
READ_SYSTEM = "system:read"
DECIDE_DEAD_LETTERS = "system:dead_letters"
READ_MAIL = "system:mail"
READ_AUDIT = "system:audit"
EXPLAIN = "system:explain"
READ_TRACES = "system:traces"
READ_ENTITIES = "system:entities"

PERMISSIONS: dict[str, str] = {
    READ_ACCOUNT: "See one's own account",
    UPDATE_ACCOUNT: "Change and close one's own account",
    END_SESSION: "End one's own sessions",
    MANAGE_KEYS: "Make, see and delete one's own keys",
    LIST_ACCOUNTS: "See everybody's account",
    CREATE_ACCOUNT: "Open accounts and invite people",
    MANAGE_ACCOUNTS: "Disable, enable and delete accounts, set their roles and passwords",
    READ_ROLES: "See roles and what they allow",
    WRITE_ROLES: "Make, change and delete roles",
    READ_CHAT: "Read one's own conversations",
    CHAT: "Talk in one's own conversations",
    OTHERS_CHATS: "Read, change and delete everybody's conversations",
    READ_MODELS: "See providers, models and one's own preference",
    WRITE_MODELS: "Connect, change and remove providers and models",
    CONNECT_PRIVATE: "Connect providers at addresses of private networks",
    SET_PREFERENCE: "Choose one's own model",
    OTHERS_PREFERENCES: "Choose everybody's model",
    ASK_ENTITY: "Send queries to one's own entities",
    TELL_ENTITY: "Send commands to one's own entities",
    READ_STATUS: "See how much there is of one's own, and how each module is",
    SEARCH: "Search among one's own things and what is everybody's",
    READ_NOTIFICATIONS: "See one's own notifications",
    UPDATE_NOTIFICATIONS: "Read and delete one's own notifications",
    SEARCH_ALL: "Search among everybody's things",
    READ_SYSTEM: "See how the system is and what it stores",
    DECIDE_DEAD_LETTERS: "See messages that were given up on, send them again, discard them",
    READ_MAIL: "See letters that were sent, and their links while they have not gone",
    READ_AUDIT: "Read the audit log",
    EXPLAIN: "Be told what became of one's own messages",
    READ_TRACES: "Be told what became of everybody's messages",
    READ_ENTITIES: "Look into everybody's entities, with secrets masked",
}
"""Every permission there is, and what it means; a route that names another cannot be built."""

_OWN = frozenset({READ_ACCOUNT, UPDATE_ACCOUNT, END_SESSION, MANAGE_KEYS})
_NOTIFIED = frozenset({READ_NOTIFICATIONS, UPDATE_NOTIFICATIONS})
_VIEWER = _OWN | _NOTIFIED | {READ_CHAT, READ_MODELS, ASK_ENTITY, READ_STATUS, SEARCH, EXPLAIN}
_MEMBER = _VIEWER | {CHAT, SET_PREFERENCE, TELL_ENTITY}
_OPERATOR = _MEMBER | {READ_SYSTEM, READ_ROLES, READ_TRACES, READ_ENTITIES}

ADMIN = "admin"
ROLES: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "member": _MEMBER,
    "operator": _OPERATOR,
    ADMIN: frozenset(PERMISSIONS),
}
"""The roles that are always there and cannot be changed."""


@lru_cache(maxsize=1024)
def granted(grants: tuple[str, ...]) -> frozenset[str]:
    """What these allow together; one that is unknown allows nothing."""
    found = frozenset(grant for grant in grants if grant in PERMISSIONS)
    return found.union(*(ROLES.get(grant, frozenset()) for grant in grants))


def grants(roles: Iterable[str], permissions: Iterable[str]) -> tuple[str, ...]:
    """What a principal carries that holds these built-in roles and, beyond them, these permissions.

    Whoever holds built-in roles alone carries only their names.
    """
    held = tuple(sorted(role for role in roles if role in ROLES))
    return held + tuple(sorted(set(permissions) - granted(held)))


def may(who: Principal, permission: str) -> bool:
    """Whether a principal holds a permission."""
    return permission in granted(who.roles)


def check(who: Principal | None, permission: str) -> None:
    """Refuse a principal that lacks a permission; nobody is the system itself.

    Raises:
        NotPermitted: If it does.
    """
    if who is not None and permission not in granted(who.roles):
        raise NotPermitted("Not enough permissions")


def check_within(who: Principal | None, permissions: Iterable[str]) -> None:
    """Refuse a principal that would hand out, or take power over, more than it holds itself.

    Raises:
        NotPermitted: If it lacks one of them.
    """
    lacking = sorted(set(permissions) - granted(who.roles)) if who is not None else []
    if lacking:
        raise NotPermitted(f"You do not hold '{lacking[0]}' yourself, which this would touch.")
