"""The kinds of entity this product has, and how a user's own join them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from actors.accounts.account_desk import AccountDesk
from actors.accounts.invitation import Invitation
from actors.accounts.role import Role
from actors.accounts.roster import Roster
from actors.accounts.user import User
from actors.arcana.conversation import Conversation
from actors.cognisys.preference import Preference
from actors.cognisys.provider import Provider
from actors.cognisys.routing import Routing
from actors.mail.mail import Mail
from actors.sign_in.api_keys import ApiKeys
from actors.sign_in.lockout import Lockout
from actors.sign_in.sessions import Sessions
from actors.system.audit import Audit
from actors.system.dead_letter import DeadLetter
from actors.system.dead_letter_watch import DeadLetterWatch
from actors.system.notifications import Notifications
from vareon_runtime.entity import Entity, Registry
from vareon_runtime.errors import ConfigurationError

ENTITIES: tuple[type[Entity[Any]], ...] = (
    AccountDesk,
    ApiKeys,
    Audit,
    Conversation,
    DeadLetter,
    DeadLetterWatch,
    Invitation,
    Lockout,
    Mail,
    Notifications,
    Preference,
    Provider,
    Role,
    Roster,
    Routing,
    Sessions,
    User,
)


def build_registry(modules: Iterable[str] = ()) -> Registry:
    """The product's kinds and those that the named modules define.

    Raises:
        ConfigurationError: If a module cannot be imported, defines no entity, or takes a
            kind that exists.
    """
    own = [klass for name in modules for klass in entities_in(_module(name))]
    return Registry((*ENTITIES, *own))


def entities_in(module: ModuleType) -> list[type[Entity[Any]]]:
    """The entity classes that a module defines itself, in order.

    Raises:
        ConfigurationError: If there is none.
    """
    found = [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, Entity)
        and "handlers" in vars(member)
        and member.__module__ == module.__name__
    ]
    if not found:
        raise ConfigurationError(
            f"Module '{module.__name__}' defines no class decorated with @entity(...)."
        )
    return found


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"The entity module '{name}' cannot be imported ({error}); "
            "give its dotted name and start where Python finds it."
        ) from error
