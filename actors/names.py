"""Addresses of the domain's entities, in one place for whoever sends to them."""

from __future__ import annotations

import hashlib

from vareon_runtime.identity import EntityId
from vareon_runtime.models import login_key

GUIDE_MODEL = "vareon/guide"
"""The built-in responder, used when no model is connected."""


def conversation(conversation_id: str) -> EntityId:
    """A conversation."""
    return EntityId("conversation", conversation_id)


def provider(provider_id: str) -> EntityId:
    """A model provider, with its models."""
    return EntityId("provider", provider_id)


def preference(user_id: str) -> EntityId:
    """What a user wants from models."""
    return EntityId("llm_preference", user_id)


def routing() -> EntityId:
    """Cognisys's routing entity."""
    return EntityId("routing", "default")


def dead_letter(letter_id: str) -> EntityId:
    """Who decides about a message that was set aside."""
    return EntityId("dead_letter", letter_id)


def user(user_id: str) -> EntityId:
    """An account."""
    return EntityId("user", user_id)


def account_desk(address: str) -> EntityId:
    """Where letters to an address are asked for."""
    digest = hashlib.sha256(login_key(address).encode("utf-8", "replace")).hexdigest()
    return EntityId("account_desk", digest[:2])


def mail(mail_id: str) -> EntityId:
    """A letter."""
    return EntityId("mail", mail_id)


def role(role_id: str) -> EntityId:
    """A role that was made here."""
    return EntityId("role", role_id)


def roster() -> EntityId:
    """Who decides about changes of what accounts may do."""
    return EntityId("roster", "default")


def audit() -> EntityId:
    """Who writes the audit log."""
    return EntityId("audit", "log")


def invitation(invitation_id: str) -> EntityId:
    """Somebody who was invited."""
    return EntityId("invitation", invitation_id)


def api_keys(user_id: str) -> EntityId:
    """The personal keys of an account."""
    return EntityId("api_keys", user_id)


def lockout(subject: str) -> EntityId:
    """Where failures of an account or an address are counted."""
    bucket = hashlib.sha256(b"lockout" + subject.encode("utf-8", "replace")).digest()[0]
    return EntityId("lockout", str(bucket))


def sessions(user_id: str) -> EntityId:
    """The sessions of an account."""
    return EntityId("sessions", user_id)


def notifications(user_id: str) -> EntityId:
    """What a user should know of."""
    return EntityId("notifications", user_id)


def dead_letter_watch() -> EntityId:
    """Who tells administrators of messages that were set aside."""
    return EntityId("dead_letter_watch", "default")
