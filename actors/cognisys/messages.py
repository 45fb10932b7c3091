"""The language of providers, models, preferences and routing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from vareon_runtime.entity import Message, Request
from vareon_runtime.message import Upgrade


class ProviderView(Message, frozen=True):
    """A provider without its key."""

    id: str
    name: str
    base_url: str
    enabled: bool
    organization_id: str | None
    masked_api_key: str
    created_at: datetime
    updated_at: datetime


class ModelView(Message, frozen=True):
    """A model of a provider."""

    id: str
    provider_id: str
    model_name: str
    type: str | None
    is_active: bool
    reasoning: bool
    role: str | None
    max_tokens: int | None
    cost_per_token: float | None
    created_at: datetime
    updated_at: datetime


class CreateProvider(Request[ProviderView], frozen=True):
    """Add a provider under the addressed id."""

    name: str
    base_url: str
    api_key: str = ""
    enabled: bool = True
    organization_id: str | None = None


class OfferProvider(Request[ProviderView], frozen=True):
    """Add a provider that was found at start, or bring a known one up to date.

    A known one keeps its name, address and switches: only models that it lacks are added,
    and its key is changed if the one found is another.

    Attributes:
        models: Names; the last one becomes the newest.
    """

    name: str
    base_url: str
    api_key: str = ""
    models: tuple[str, ...] = ()


class UpdateProvider(Request[ProviderView], frozen=True):
    """Change a provider. None and an empty key mean unchanged."""

    name: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    enabled: bool | None = None
    organization_id: str | None = None


class DeleteProvider(Request[bool], frozen=True):
    """Remove a provider and its models."""


class AddModel(Request[ModelView], frozen=True):
    """Add a model to the addressed provider."""

    model_id: str
    model_name: str
    type: str | None = "chat"
    is_active: bool = True
    reasoning: bool = False
    role: str | None = None
    max_tokens: int | None = None
    cost_per_token: float | None = None


class UpdateModel(Request[ModelView], frozen=True):
    """Change a model. None means unchanged."""

    model_id: str
    model_name: str | None = None
    type: str | None = None
    is_active: bool | None = None
    reasoning: bool | None = None
    role: str | None = None
    max_tokens: int | None = None
    cost_per_token: float | None = None


class RemoveModel(Request[bool], frozen=True):
    """Remove a model from the addressed provider."""

    model_id: str


class PreferenceView(Message, frozen=True):
    """What a user wants from models."""

    id: str
    user_id: str
    default_model_id: str | None
    temperature: float
    top_p: float
    created_at: datetime
    updated_at: datetime


class SetPreference(Request[PreferenceView], frozen=True):
    """Change the principal's preference. None means unchanged."""

    default_model_id: str | None = None
    temperature: float | None = None
    top_p: float | None = None


class DeletePreference(Request[bool], frozen=True):
    """Forget what this user wants."""


def _anywhere(fields: dict[str, Any]) -> dict[str, Any]:
    # Only administrators connected providers then.
    return {**fields, "anywhere": True}


class ModelRoute(Message, frozen=True):
    """Where a prompt goes, and why.

    Attributes:
        model_name: The name to send; ``vareon/guide`` is the built-in responder.
        api_key_encrypted: Only a host holds the key that opens it.
        reason: One readable sentence.
        anywhere: Whether its address may be a private one.
    """

    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _anywhere}

    model_name: str
    reason: str
    provider_id: str | None = None
    provider_name: str = "vareon"
    model_id: str | None = None
    base_url: str = ""
    api_key_encrypted: str = ""
    organization_id: str | None = None
    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int | None = None
    anywhere: bool = False


class ChooseModel(Request[ModelRoute], frozen=True):
    """Which model answers this user's prompt."""

    user_id: str
