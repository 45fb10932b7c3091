"""Providers, models and preferences."""

from __future__ import annotations

from aiohttp import web as aiohttp_web
from pydantic import BaseModel

from actors.cognisys.messages import ProviderView
from web.api.answers import answer, page_answer
from web.auditing import about
from web.caller import caller_of
from web.given import body_of, query_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.cognisys import (
    ModelChange,
    ModelIn,
    ModelOut,
    PreferenceIn,
    PreferenceOut,
    ProviderChange,
    ProviderIn,
)
from web.schemas.paging import PageQuery
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
            Route(
                "GET",
                providers,
                read,
                self.providers,
                query=PageQuery,
                answer=list[ProviderView],
            ),
            Route(
                "POST",
                providers,
                write,
                self.create_provider,
                body=ProviderIn,
                answer=ProviderView,
                status=201,
                audit="provider.create",
            ),
            Route("GET", one_provider, read, self.provider, answer=ProviderView),
            Route(
                "PUT",
                one_provider,
                write,
                self.update_provider,
                body=ProviderChange,
                answer=ProviderView,
                audit="provider.change",
            ),
            Route(
                "DELETE",
                one_provider,
                write,
                self.delete_provider,
                answer=DoneOut,
                audit="provider.delete",
            ),
            Route("GET", models, read, self.models, query=PageQuery, answer=list[ModelOut]),
            Route(
                "POST",
                models,
                write,
                self.create_model,
                body=ModelIn,
                answer=ModelOut,
                status=201,
                audit="model.create",
            ),
            Route("GET", one_model, read, self.model, answer=ModelOut),
            Route(
                "PUT",
                one_model,
                write,
                self.update_model,
                body=ModelChange,
                answer=ModelOut,
                audit="model.change",
            ),
            Route(
                "DELETE", one_model, write, self.delete_model, answer=DoneOut, audit="model.delete"
            ),
            Route("GET", preference, read, self.preference, answer=PreferenceOut),
            Route(
                "PUT",
                preference,
                policy.SET_PREFERENCE,
                self.set_preference,
                body=PreferenceIn,
                answer=PreferenceOut,
            ),
        ]

    async def providers(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All providers."""
        items, cursor = await self._models.providers(Page.asked(query_of(request, PageQuery)))
        return page_answer(request, items, cursor)

    async def create_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Add a provider."""
        body = body_of(request, ProviderIn)
        about(request, detail=body.name)
        view = await self._models.create_provider(caller_of(request).principal, body)
        about(request, target=f"provider/{view.id}")
        return answer(view, status=201)

    async def provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One provider."""
        return answer(await self._models.provider(request.match_info["id"]))

    async def update_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change a provider."""
        body = body_of(request, ProviderChange)
        about(request, detail=_given(body))
        principal, provider_id = caller_of(request).principal, request.match_info["id"]
        return answer(await self._models.update_provider(principal, provider_id, body))

    async def delete_provider(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Remove a provider and its models."""
        principal = caller_of(request).principal
        await self._models.delete_provider(principal, request.match_info["id"])
        return answer(DoneOut("LLM Provider deleted"))

    async def models(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """All models."""
        items, cursor = await self._models.models(Page.asked(query_of(request, PageQuery)))
        return page_answer(request, items, cursor)

    async def create_model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Add a model to a provider."""
        body = body_of(request, ModelIn)
        about(request, detail=body.model_name)
        model = await self._models.create_model(caller_of(request).principal, body)
        about(request, target=f"model/{model.id}")
        return answer(model, status=201)

    async def model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One model."""
        return answer(await self._models.model(request.match_info["id"]))

    async def update_model(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change a model."""
        body = body_of(request, ModelChange)
        about(request, detail=_given(body))
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
        body = body_of(request, PreferenceIn)
        return answer(await self._preferences.change(caller_of(request).principal, body))


def _given(body: BaseModel) -> str:
    """What a change names; never its values, for a key is among them."""
    return ", ".join(sorted(name for name, value in body if value not in (None, "")))
