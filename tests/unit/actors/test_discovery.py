"""Providers found at start."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from actors.cognisys.discovery import MAX_MODELS, FoundProvider, discover, offer
from actors.cognisys.messages import OfferProvider
from tests.support.upstream import Upstream
from vareon_runtime.errors import Unavailable
from vareon_runtime.identity import EntityId

CLOSED = "http://127.0.0.1:1"
SECRET = "sk-very-secret-0123456789"


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream(key=SECRET) as server:
        yield server


class RecordingBus:
    """Takes what is offered."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[EntityId, OfferProvider]] = []
        self.error = error

    async def ask(self, target: EntityId, message: Any, **_options: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.asked.append((target, message))


async def test_nothing_is_found_where_nothing_is() -> None:
    """No Ollama and no key: an empty list, no error."""
    assert await discover({}, ollama_url=CLOSED) == []


async def test_ollama_is_found(upstream: Upstream) -> None:
    """By its list of models; its OpenAI face is the address."""
    url = upstream.base_url.removesuffix("/v1")
    (found,) = await discover({}, ollama_url=url)
    assert (found.name, found.base_url, found.api_key) == ("Ollama", f"{url}/v1", "")
    assert found.models == ("fake-large:latest", "fake-small:latest")


async def test_a_key_in_the_environment_is_found(upstream: Upstream) -> None:
    """The chosen model stands last, so that it becomes the default."""
    environ = {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": f"{upstream.base_url}/",
        "OPENAI_MODEL": "fake-small",
    }
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert (found.name, found.base_url, found.api_key) == ("OpenAI", upstream.base_url, SECRET)
    assert found.models[-1] == "fake-small"
    assert set(found.models) == {"fake-large", "fake-small"}
    assert SECRET not in repr(found)


async def test_a_wrong_key_is_a_note(upstream: Upstream) -> None:
    """Not an error; the key is not in it."""
    environ = {"OPENAI_API_KEY": "sk-wrong", "OPENAI_BASE_URL": upstream.base_url}
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert (found.models, found.note) == ((), "the key is not accepted")


async def test_being_offline_is_a_note() -> None:
    """A model that the operator named is offered all the same."""
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": f"{CLOSED}/v1"}
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert (found.models, found.note) == ((), "offline")
    (named,) = await discover(environ | {"OPENAI_MODEL": "gpt-x"}, ollama_url=CLOSED)
    assert named.models == ("gpt-x",)


@pytest.fixture
async def listing() -> AsyncIterator[tuple[list[Any], str]]:
    """A server whose list of models a test fills; and its address."""
    listed: list[Any] = []

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=json.dumps({"data": listed}), content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/models", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield listed, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def test_only_chat_models_and_not_too_many(listing: tuple[list[Any], str]) -> None:
    """The newest come last; odd entries are passed over."""
    listed, url = listing
    listed.extend({"id": f"chat-{number}", "created": number} for number in range(80))
    listed.extend([{"id": "text-embedding-3"}, {"id": 5}, "odd", {"id": "gpt-4o-audio"}, {}])
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": url}
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert found.models == tuple(f"chat-{number}" for number in range(80 - MAX_MODELS, 80))


async def test_a_sensible_default_is_chosen(listing: tuple[list[Any], str]) -> None:
    """A known small model before the newest."""
    listed, url = listing
    listed.extend({"id": name, "created": at} for at, name in enumerate(["gpt-4o-mini", "gpt-9"]))
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": url}
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert found.models == ("gpt-9", "gpt-4o-mini")


async def test_an_unreadable_list_is_a_note(listing: tuple[list[Any], str]) -> None:
    """Whatever its shape."""
    listed, url = listing
    listed.append({"id": "x", "created": "yesterday"})
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": url}
    (found,) = await discover(environ, ollama_url=CLOSED)
    assert found.models == ("x",)
    (lost,) = await discover(environ | {"OPENAI_BASE_URL": f"{url}/no"}, ollama_url=CLOSED)
    assert lost.note == "its list of models answers HTTP 404"


async def test_offers_go_to_new_and_known_providers() -> None:
    """A known name keeps its id; one without models is not offered."""
    bus: Any = RecordingBus()
    found = [
        FoundProvider("Ollama", "http://a", models=("x",)),
        FoundProvider("OpenAI", "http://b", "k", ("y", "z")),
        FoundProvider("OpenRouter", "http://c", "k", note="offline"),
    ]
    told = await offer(bus, found, {"Ollama": "known-id", "http://other": "other-id"})
    assert told == found
    (first, _), (second, message) = bus.asked
    assert first == EntityId("provider", "known-id")
    assert len(second.key) == 36
    assert message == OfferProvider("OpenAI", "http://b", "k", ("y", "z"))


async def test_a_renamed_provider_is_known_by_its_address() -> None:
    """It is not added a second time."""
    bus: Any = RecordingBus()
    found = [FoundProvider("Ollama", "http://a", models=("x",))]
    await offer(bus, found, {"Mine": "known-id", "http://a": "known-id"})
    assert bus.asked[0][0].key == "known-id"


async def test_an_offer_that_fails_is_a_note() -> None:
    """Starting goes on."""
    bus: Any = RecordingBus(Unavailable("The host is not reachable."))
    (told,) = await offer(bus, [FoundProvider("Ollama", "http://a", models=("x",))], {})
    assert told.note == "The host is not reachable."
