"""A model provider: where it is, its key, its models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from actors.cognisys.destination import Destinations
from actors.cognisys.endpoint import (
    checked_base_url,
    checked_key,
    checked_organization,
    masked,
    origin_of,
)
from actors.cognisys.keyring import KeyRing
from actors.cognisys.llm_model import LlmModel
from actors.cognisys.messages import (
    AddModel,
    CreateProvider,
    DeleteProvider,
    ModelView,
    OfferProvider,
    ProviderView,
    RemoveModel,
    UpdateModel,
    UpdateProvider,
)
from actors.policy import CONNECT_PRIVATE, WRITE_MODELS, check, may
from vareon_runtime.entity import Context, Entity, Message, State, command, entity
from vareon_runtime.errors import (
    ConfigurationError,
    Conflict,
    InvalidMessage,
    NotFound,
    NotPermitted,
    QuotaExceeded,
)
from vareon_runtime.message import Upgrade
from vareon_runtime.models import LlmModelRow, LlmProviderRow

MAX_MODELS = 500
MAX_NAME = 120
_NO_MODEL = "LLM Model not found"


def _connected_by_an_administrator(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "anywhere": True}


class ProviderState(State):
    """What a provider remembers; its models are in rows of their own as well.

    Attributes:
        anywhere: Whether whoever gave the address may connect providers at private ones.
    """

    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _connected_by_an_administrator}

    name: str = ""
    base_url: str = ""
    enabled: bool = True
    api_key_encrypted: str = ""
    masked_api_key: str = ""
    organization_id: str | None = None
    anywhere: bool = False
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    models: dict[str, LlmModel] = msgspec.field(default_factory=dict)


@entity("provider", row=LlmProviderRow)
class Provider(Entity[ProviderState]):
    """An OpenAI-compatible endpoint. Administrators change it; its key never leaves the host."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Only whoever may change models, and the system itself."""
        check(context.principal, WRITE_MODELS)

    @command(creates=True)
    async def create(self, message: CreateProvider, context: Context) -> ProviderView:
        """Add it."""
        if self.exists:
            raise Conflict("This provider exists already.")
        self._describe(message.name, message.base_url, context)
        self.state.enabled = message.enabled
        self.state.organization_id = checked_organization(message.organization_id)
        self._set_key(checked_key(message.api_key), context)
        return self._view()

    @command(creates=True)
    async def offer(self, message: OfferProvider, context: Context) -> ProviderView:
        """Add it with its models, or add what a known one lacks."""
        key = checked_key(message.api_key)
        if not self.exists:
            self._describe(message.name, message.base_url, context)
            self._set_key(key, context)
        elif self._accepts_found_key(key, message.base_url, context):
            self._set_key(key, context)
            self.state.updated_at = context.now()
        known = {model.model_name for model in self.state.models.values()}
        for name in message.models:
            if name not in known and len(self.state.models) < MAX_MODELS:
                self._add(AddModel(context.new_id(), name), context)
        return self._view()

    @command
    async def update(self, message: UpdateProvider, context: Context) -> ProviderView:
        """Change it. An empty key means unchanged, unless its host changed."""
        state = self.state
        if message.name is not None:
            state.name = _checked_name(message.name)
        if message.base_url is not None:
            base_url = self._permitted(message.base_url, context)
            if origin_of(base_url) != origin_of(state.base_url):
                self._set_key("", context)
            state.base_url = base_url
        if message.api_key:
            self._set_key(checked_key(message.api_key), context)
        if message.enabled is not None:
            state.enabled = message.enabled
        if message.organization_id is not None:
            state.organization_id = checked_organization(message.organization_id)
        state.updated_at = context.now()
        return self._view()

    @command
    async def delete(self, message: DeleteProvider, context: Context) -> bool:
        """Remove it and its models."""
        context.delete_rows(LlmModelRow, provider_id=self.key)
        context.delete()
        return True

    @command
    async def add_model(self, message: AddModel, context: Context) -> ModelView:
        """Add a model."""
        if message.model_id in self.state.models:
            raise Conflict("This model exists already.")
        if len(self.state.models) >= MAX_MODELS:
            raise QuotaExceeded(f"A provider has at most {MAX_MODELS} models; remove one first.")
        return self._add(message, context)

    @command
    async def update_model(self, message: UpdateModel, context: Context) -> ModelView:
        """Change a model."""
        model = self._model(message.model_id).changed(message, context.now())
        self.state.models[message.model_id] = model
        context.update(LlmModelRow, {"id": message.model_id}, **model.columns())
        return model.view(message.model_id, self.key)

    @command
    async def remove_model(self, message: RemoveModel, context: Context) -> bool:
        """Remove a model; who preferred it gets the default again."""
        self._model(message.model_id)
        del self.state.models[message.model_id]
        context.delete_rows(LlmModelRow, id=message.model_id)
        return True

    def _describe(self, name: str, base_url: str, context: Context) -> None:
        self.state.name = _checked_name(name)
        self.state.base_url = self._permitted(base_url, context)
        self.state.created_at = self.state.updated_at = context.now()

    def _permitted(self, base_url: str, context: Context) -> str:
        """The address, if whoever gives it may mean it."""
        checked = checked_base_url(base_url)
        who = context.principal
        self.state.anywhere = who is None or may(who, CONNECT_PRIVATE)
        if not (self.state.anywhere or context.resource(Destinations).permits_host(checked)):
            raise NotPermitted(
                "This address is one of a private network: ask an administrator to connect the "
                "provider, or to list the network in VAREON_PRIVATE_NETWORKS."
            )
        return checked

    def _set_key(self, key: str, context: Context) -> None:
        self.state.api_key_encrypted = context.resource(KeyRing).encrypt(key) if key else ""
        self.state.masked_api_key = masked(key)

    def _accepts_found_key(self, key: str, base_url: str, context: Context) -> bool:
        if not key or origin_of(checked_base_url(base_url)) != origin_of(self.state.base_url):
            return False
        try:
            return context.resource(KeyRing).decrypt(self.state.api_key_encrypted) != key
        except ConfigurationError:
            return True

    def _add(self, message: AddModel, context: Context) -> ModelView:
        model = LlmModel.added(message, context.now())
        self.state.models[message.model_id] = model
        context.insert(LlmModelRow, id=message.model_id, provider_id=self.key, **model.columns())
        return model.view(message.model_id, self.key)

    def _model(self, model_id: str) -> LlmModel:
        model = self.state.models.get(model_id)
        if model is None:
            raise NotFound(_NO_MODEL)
        return model

    def _view(self) -> ProviderView:
        state = self.state
        return ProviderView(
            id=self.key,
            name=state.name,
            base_url=state.base_url,
            enabled=state.enabled,
            organization_id=state.organization_id,
            masked_api_key=state.masked_api_key,
            created_at=state.created_at,
            updated_at=state.updated_at,
        )


def _checked_name(name: str) -> str:
    checked = name.strip()
    if not 0 < len(checked) <= MAX_NAME or not checked.isprintable():
        raise InvalidMessage(f"A provider's name has 1 to {MAX_NAME} printable characters.")
    return checked
