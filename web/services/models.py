"""Providers and their models: read from their rows, changed by asking the provider's entity."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import aliased

from actors import names
from actors.cognisys.messages import (
    AddModel,
    CreateProvider,
    DeleteProvider,
    ModelView,
    ProviderView,
    RemoveModel,
    UpdateModel,
    UpdateProvider,
)
from vareon_runtime.errors import NotFound
from vareon_runtime.identity import IdSource, Principal
from vareon_runtime.message import Request
from vareon_runtime.models import LlmModelRow, LlmProviderRow
from vareon_runtime.routing.bus import MessageBus
from web.schemas.chat import UUID_PATTERN
from web.schemas.cognisys import (
    ModelChange,
    ModelIn,
    ModelOut,
    ProviderBrief,
    ProviderChange,
    ProviderIn,
)
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

R = TypeVar("R")

_PROVIDER = (
    LlmProviderRow.id,
    LlmProviderRow.name,
    LlmProviderRow.base_url,
    LlmProviderRow.enabled,
    LlmProviderRow.organization_id,
    LlmProviderRow.masked_api_key,
    LlmProviderRow.created_at,
    LlmProviderRow.updated_at,
)


class Models:
    """What can be done with providers and models."""

    def __init__(self, rows: Rows, bus: MessageBus, ids: IdSource) -> None:
        self._rows = rows
        self._bus = bus
        self._ids = ids

    async def providers(self, page: Page) -> tuple[list[ProviderView], str | None]:
        """All providers, the oldest first."""
        statement = page.of(select(*_PROVIDER), LlmProviderRow.created_at, LlmProviderRow.id)
        kept, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return [_provider(row) for row in kept], cursor

    async def provider(self, provider_id: str) -> ProviderView:
        """One provider.

        Raises:
            NotFound: If there is none with this id.
        """
        statement = select(*_PROVIDER).where(LlmProviderRow.id == provider_id)
        rows = await self._rows.rows(statement)
        if not rows:
            raise NotFound("LLM Provider not found")
        return _provider(rows[0])

    async def create_provider(self, principal: Principal, body: ProviderIn) -> ProviderView:
        """Add a provider."""
        message = CreateProvider(**body.model_dump())
        return await self._bus.ask(
            names.provider(self._ids.text_id()), message, principal=principal
        )

    async def update_provider(
        self, principal: Principal, provider_id: str, body: ProviderChange
    ) -> ProviderView:
        """Change a provider."""
        return await self._ask(provider_id, UpdateProvider(**body.model_dump()), principal)

    async def delete_provider(self, principal: Principal, provider_id: str) -> None:
        """Remove a provider and its models."""
        await self._ask(provider_id, DeleteProvider(), principal)

    async def _ask(self, provider_id: str, message: Request[R], principal: Principal) -> R:
        """Ask without looking first: a repeated request is answered though it is gone by now."""
        if not re.fullmatch(UUID_PATTERN, provider_id):
            raise NotFound("LLM Provider not found")
        try:
            target = names.provider(provider_id)
            return await self._bus.ask(target, message, principal=principal)
        except NotFound as error:
            raise NotFound("LLM Provider not found") from error

    async def models(self, page: Page) -> tuple[list[ModelOut], str | None]:
        """All models with their providers, the oldest first."""
        statement = page.of(_MODELS, LlmModelRow.created_at, LlmModelRow.id)
        kept, cursor = page.cut(await self._rows.rows(statement), "created_at")
        return [_model(row) for row in kept], cursor

    async def model(self, model_id: str) -> ModelOut:
        """One model.

        Raises:
            NotFound: If there is none with this id.
        """
        rows = await self._rows.rows(_MODELS.where(LlmModelRow.id == model_id))
        if not rows:
            raise NotFound("LLM Model not found")
        return _model(rows[0])

    async def create_model(self, principal: Principal, body: ModelIn) -> ModelOut:
        """Add a model to its provider."""
        provider = await self.provider(body.provider_id)
        fields = body.model_dump(exclude={"provider_id"})
        message = AddModel(model_id=self._ids.text_id(), **fields)
        view = await self._bus.ask(names.provider(provider.id), message, principal=principal)
        return _nested(view, _brief(provider))

    async def update_model(
        self, principal: Principal, model_id: str, body: ModelChange
    ) -> ModelOut:
        """Change a model."""
        found = await self.model(model_id)
        message = UpdateModel(model_id=model_id, **body.model_dump())
        view = await self._bus.ask(names.provider(found.provider_id), message, principal=principal)
        return _nested(view, found.provider)

    async def delete_model(self, principal: Principal, model_id: str) -> None:
        """Remove a model."""
        found = await self.model(model_id)
        await self._bus.ask(
            names.provider(found.provider_id), RemoveModel(model_id=model_id), principal=principal
        )


_PROVIDER_FIELDS = tuple(column.key for column in _PROVIDER)
_OF = aliased(LlmProviderRow)
_MODELS: AnySelect = select(
    LlmModelRow.id,
    LlmModelRow.provider_id,
    LlmModelRow.model_name,
    LlmModelRow.type,
    LlmModelRow.is_active,
    LlmModelRow.reasoning,
    LlmModelRow.role,
    LlmModelRow.max_tokens,
    LlmModelRow.cost_per_token,
    LlmModelRow.created_at,
    LlmModelRow.updated_at,
    _OF.name.label("provider_name"),
    _OF.base_url.label("provider_url"),
    _OF.created_at.label("provider_created_at"),
    _OF.updated_at.label("provider_updated_at"),
).join(_OF, _OF.id == LlmModelRow.provider_id)


def _provider(row: Any) -> ProviderView:
    return ProviderView(**dict(zip(_PROVIDER_FIELDS, row, strict=True)))


def _brief(provider: ProviderView) -> ProviderBrief:
    return ProviderBrief(
        provider.id, provider.name, provider.base_url, provider.created_at, provider.updated_at
    )


def _model(row: Any) -> ModelOut:
    return ModelOut(
        id=row.id,
        provider_id=row.provider_id,
        model_name=row.model_name,
        name=row.model_name,
        type=row.type,
        is_active=row.is_active,
        reasoning=row.reasoning,
        role=row.role,
        max_tokens=row.max_tokens,
        cost_per_token=row.cost_per_token,
        created_at=row.created_at,
        updated_at=row.updated_at,
        provider=ProviderBrief(
            row.provider_id,
            row.provider_name,
            row.provider_url,
            row.provider_created_at,
            row.provider_updated_at,
        ),
    )


def _nested(view: ModelView, provider: ProviderBrief | None) -> ModelOut:
    return ModelOut(
        id=view.id,
        provider_id=view.provider_id,
        model_name=view.model_name,
        name=view.model_name,
        type=view.type,
        is_active=view.is_active,
        reasoning=view.reasoning,
        role=view.role,
        max_tokens=view.max_tokens,
        cost_per_token=view.cost_per_token,
        created_at=view.created_at,
        updated_at=view.updated_at,
        provider=provider,
    )
