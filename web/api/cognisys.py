"""Providers, models and preferences."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer, page_answer
from web.api.bodies import read_json
from web.caller import caller_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.cognisys import (
    ModelChange,
    ModelIn,
    PreferenceIn,
    ProviderChange,
    ProviderIn,
)
from web.services import policy
from web.services.models import Models
from web.services.paging import Page
from web.services.preferences import Preferences


class CognisysRoutes:
    """``/api/cognisys`` and ``/api/arcana/llm``."""

    def __init__(self, models: Models, preferences: Preferences) -> None:
        self._models = models
        self._preferences = preferences

    def routes(self) -> list[Route]:
        """What is served here."""
        providers, models = "/api/cognisys/providers", "/api/cognisys/models"
        one_provider, one_model = providers + "/{id}", models + "/{id}"
        preference = "/api/arcana/llm/preferences"
        read, write = policy.READ_MODELS, policy.WRITE_MODELS
        return [
            Route("GET", providers, read, self.providers),
            Route("POST", providers, write, self.create_provider),
            Route("GET", one_provider, read, self.provider),
            Route("PUT", one_provider, write, self.update_provider),
            Route("DELETE", one_provider, write, self.delete_provider),
            Route("GET", models, read, self.models),
            Route("POST", models, write, self.create_model),
            Route("GET", one_model, read, self.model),
            Route("PUT", one_model, write, self.update_model),
            Route("DELETE", one_model, write, self.delete_model),
            Route("GET", preference, read, self.preference),
            Route("PUT", preference, policy.SET_PREFERENCE, self.set_preference),
        ]

    async def providers(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All providers."""
        items, cursor = await self._models.providers(Page.asked(request.query))
        return page_answer(request, items, cursor)

    async def create_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Add a provider."""
        body = await read_json(request, ProviderIn)
        view = await self._models.create_provider(caller_of(request).principal, body)
        return answer(view, status=201)

    async def provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One provider."""
        return answer(await self._models.provider(request.match_info["id"]))

    async def update_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change a provider."""
        body = await read_json(request, ProviderChange)
        principal, provider_id = caller_of(request).principal, request.match_info["id"]
        return answer(await self._models.update_provider(principal, provider_id, body))

    async def delete_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Remove a provider and its models."""
        principal = caller_of(request).principal
        await self._models.delete_provider(principal, request.match_info["id"])
        return answer(DoneOut("LLM Provider deleted"))

    async def models(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All models."""
        items, cursor = await self._models.models(Page.asked(request.query))
        return page_answer(request, items, cursor)

    async def create_model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Add a model to a provider."""
        body = await read_json(request, ModelIn)
        model = await self._models.create_model(caller_of(request).principal, body)
        return answer(model, status=201)

    async def model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One model."""
        return answer(await self._models.model(request.match_info["id"]))

    async def update_model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change a model."""
        body = await read_json(request, ModelChange)
        principal, model_id = caller_of(request).principal, request.match_info["id"]
        return answer(await self._models.update_model(principal, model_id, body))

    async def delete_model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Remove a model."""
        principal = caller_of(request).principal
        await self._models.delete_model(principal, request.match_info["id"])
        return answer(DoneOut("LLM Model deleted"))

    async def preference(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """What the caller wants from models."""
        caller = caller_of(request)
        return answer(await self._preferences.of(caller.user_id, caller.created_at))

    async def set_preference(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change it."""
        body = await read_json(request, PreferenceIn)
        return answer(await self._preferences.change(caller_of(request).principal, body))
