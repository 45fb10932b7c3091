"""Bodies of providers, models and preferences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import Field

from web.schemas.base import LenientIn, NoneIfBlank, OptionalAmount, OptionalCount, StrictIn

_MOST_TOKENS = 100_000_000


class ProviderIn(LenientIn):
    """A new provider."""

    name: str = Field(min_length=1, max_length=120)
    base_url: str = Field(min_length=1, max_length=2000)
    api_key: str = Field(default="", max_length=4096)
    enabled: bool = True
    organization_id: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=200)


class ProviderChange(LenientIn):
    """What to change of a provider; what is missing stays."""

    name: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=120)
    base_url: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=2000)
    api_key: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=4096)
    enabled: bool | None = None
    organization_id: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=200)


class _ModelTraits(LenientIn):
    type: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=40)
    role: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=40)
    max_tokens: OptionalCount = Field(default=None, ge=1, le=_MOST_TOKENS)
    cost_per_token: OptionalAmount = Field(default=None, ge=0, le=1e9)


class ModelIn(_ModelTraits):
    """A new model."""

    provider_id: str = Field(min_length=1, max_length=64)
    model_name: str = Field(min_length=1, max_length=200)
    is_active: bool = True
    reasoning: bool = False


class ModelChange(_ModelTraits):
    """What to change of a model; what is missing stays."""

    model_name: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=200)
    is_active: bool | None = None
    reasoning: bool | None = None


class PreferenceIn(StrictIn):
    """What to change of a preference; what is missing stays."""

    default_model_id: Annotated[str | None, NoneIfBlank] = Field(default=None, max_length=64)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)


class ProviderBrief(msgspec.Struct, frozen=True):
    """A provider as a model's answer nests it."""

    id: str
    name: str
    base_url: str
    created_at: datetime
    updated_at: datetime


class ModelOut(msgspec.Struct, frozen=True):
    """A model. ``name`` repeats ``model_name`` for clients that read that."""

    id: str
    provider_id: str
    model_name: str
    name: str
    type: str | None
    is_active: bool
    reasoning: bool
    role: str | None
    max_tokens: int | None
    cost_per_token: float | None
    created_at: datetime
    updated_at: datetime
    provider: ProviderBrief | None = None


class PreferenceOut(msgspec.Struct, frozen=True):
    """What a user wants from models."""

    id: str
    user_id: str
    default_model_id: str | None
    temperature: float
    top_p: float
    created_at: datetime
    updated_at: datetime
    default_model: ModelOut | None
