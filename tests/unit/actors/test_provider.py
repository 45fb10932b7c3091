"""Providers, their keys and their models."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from actors.cognisys.llm_model import MAX_TOKENS
from actors.cognisys.messages import (
    AddModel,
    CreateProvider,
    DeleteProvider,
    OfferProvider,
    RemoveModel,
    UpdateModel,
    UpdateProvider,
)
from actors.cognisys.provider import MAX_MODELS, Provider
from actors.policy import WRITE_MODELS
from tests.support.workbench import ADMIN, ANN, KEYS, Workbench, texts_of
from vareon_runtime.entity import Entity
from vareon_runtime.errors import (
    Conflict,
    InvalidMessage,
    NotFound,
    NotPermitted,
    QuotaExceeded,
)
from vareon_runtime.identity import Principal
from vareon_runtime.models import LlmModelRow, LlmProviderRow

SECRET = "sk-0123456789abcdef"


@pytest.fixture
async def provider(bench: Workbench) -> Entity[Any]:
    made = bench.entity(Provider, "p")
    message = CreateProvider("Fake", "https://api.example.com/v1/", SECRET, organization_id="")
    await bench.ask(made, message, ADMIN)
    return made


async def models(bench: Workbench) -> list[Any]:
    return await bench.read(select(LlmModelRow.__table__).order_by(LlmModelRow.id))


async def test_a_key_is_kept_encrypted_and_shown_masked(
    bench: Workbench, provider: Entity[Any]
) -> None:
    """Neither the view nor the row holds it in the clear."""
    view = await bench.ask(provider, UpdateProvider(), ADMIN)
    assert (view.base_url, view.organization_id) == ("https://api.example.com/v1", None)
    assert view.masked_api_key == "sk-0…cdef"
    (row,) = await bench.read(select(LlmProviderRow.__table__))
    assert SECRET not in repr(row)
    assert KEYS.decrypt(row.api_key_encrypted) == SECRET


async def test_an_empty_key_changes_nothing(bench: Workbench, provider: Entity[Any]) -> None:
    """The client sends an empty one with every change."""
    message = UpdateProvider(enabled=False, api_key="", base_url="https://api.example.com/v2")
    view = await bench.ask(provider, message, ADMIN)
    assert not view.enabled
    assert KEYS.decrypt(provider.state.api_key_encrypted) == SECRET


@pytest.mark.parametrize(
    "base_url",
    ["https://evil.example.net/v1", "http://api.example.com/v1", "https://api.example.com:444/v1"],
)
async def test_a_key_does_not_follow_to_another_host(
    bench: Workbench, provider: Entity[Any], base_url: str
) -> None:
    """Whoever can change the address must not learn the key; a new one may be given at once."""
    view = await bench.ask(provider, UpdateProvider(base_url=base_url), ADMIN)
    assert view.masked_api_key == ""
    assert provider.state.api_key_encrypted == ""
    message = UpdateProvider(base_url="https://third.example.org", api_key="short")
    assert (await bench.ask(provider, message, ADMIN)).masked_api_key == "********"


async def test_only_administrators_change_it(bench: Workbench, provider: Entity[Any]) -> None:
    """And the system itself."""
    for message in (UpdateProvider(name="x"), DeleteProvider(), AddModel("m", "x")):
        with pytest.raises(NotPermitted):
            await bench.ask(provider, message, ANN)
    await bench.ask(provider, UpdateProvider(name="By the system"), None)


@pytest.mark.parametrize(
    "message",
    [
        CreateProvider("", "https://a.example"),
        CreateProvider("x" * 121, "https://a.example"),
        CreateProvider("x", "ftp://a.example"),
        CreateProvider("x", "https://"),
        CreateProvider("x", "https://user:pw@a.example"),
        CreateProvider("x", "https://a.example/" + "x" * 2000),
        CreateProvider("x", "https://a.example:99999"),
        CreateProvider("x", "https://a.example/v1?key=1"),
        CreateProvider("x", "https://a.example/v1\nHost: b"),
        CreateProvider("x", "not a url"),
        CreateProvider("x", "https://a.example", "two\r\nlines"),
        CreateProvider("x", "https://a.example", "ключ"),
        CreateProvider("x", "https://a.example", organization_id="a\nb"),
    ],
)
async def test_what_does_not_fit_is_refused(bench: Workbench, message: CreateProvider) -> None:
    """Nothing is left of it."""
    made = bench.entity(Provider, "odd")
    with pytest.raises(InvalidMessage):
        await bench.ask(made, message, ADMIN)
    assert not made.exists


async def test_it_is_created_once(bench: Workbench, provider: Entity[Any]) -> None:
    """A second time is a conflict."""
    with pytest.raises(Conflict):
        await bench.ask(provider, CreateProvider("Other", "https://b.example"), ADMIN)


async def test_models_come_change_and_go(bench: Workbench, provider: Entity[Any]) -> None:
    """Their rows follow."""
    view = await bench.ask(provider, AddModel("m1", "small", max_tokens=100), ADMIN)
    assert (view.provider_id, view.model_name, view.type) == ("p", "small", "chat")
    with pytest.raises(Conflict):
        await bench.ask(provider, AddModel("m1", "again"), ADMIN)
    changed = await bench.ask(provider, UpdateModel("m1", is_active=False), ADMIN)
    assert (changed.is_active, changed.model_name, changed.max_tokens) == (False, "small", 100)
    assert changed.updated_at > changed.created_at
    (row,) = await models(bench)
    assert (row.is_active, row.model_name) == (False, "small")
    for message in (UpdateModel("m2"), RemoveModel("m2")):
        with pytest.raises(NotFound):
            await bench.ask(provider, message, ADMIN)
    await bench.ask(provider, RemoveModel("m1"), ADMIN)
    assert await models(bench) == []


async def test_models_are_bounded(bench: Workbench, provider: Entity[Any]) -> None:
    """In number and in every value."""
    for message in (
        AddModel("x", ""),
        AddModel("x", "x" * 201),
        AddModel("x", "x", type="t" * 41),
        AddModel("x", "x", max_tokens=0),
        AddModel("x", "x", max_tokens=MAX_TOKENS + 1),
        AddModel("x", "x", cost_per_token=float("nan")),
        AddModel("x", "x", cost_per_token=-1.0),
    ):
        with pytest.raises(InvalidMessage):
            await bench.ask(provider, message, ADMIN)
    model = (await bench.ask(provider, AddModel("m", "x"), ADMIN)) and provider.state.models["m"]
    provider.state.models = {str(number): model for number in range(MAX_MODELS)}
    with pytest.raises(QuotaExceeded):
        await bench.ask(provider, AddModel("one too many", "x"), ADMIN)


async def test_deleting_takes_the_models_along(bench: Workbench, provider: Entity[Any]) -> None:
    """No row stays."""
    await bench.ask(provider, AddModel("m1", "small"), ADMIN)
    assert await bench.ask(provider, DeleteProvider(), ADMIN) is True
    assert await models(bench) == []
    assert await bench.read(select(LlmProviderRow.id)) == []


async def test_an_offer_adds_only_what_is_missing(bench: Workbench) -> None:
    """A second start changes nothing; a new model and a new key are taken over."""
    made = bench.entity(Provider, "found")
    first = OfferProvider("Ollama", "http://127.0.0.1:11434/v1", "k" * 12, ("a", "b"))
    await bench.ask(made, first, None)
    assert texts_of(await models(bench), "model_name") == ["a", "b"]
    await bench.ask(made, UpdateProvider(name="Mine", enabled=False), ADMIN)
    before = made.state.api_key_encrypted
    await bench.ask(made, first, None)
    assert made.state.api_key_encrypted == before
    more = OfferProvider("Ollama", "http://127.0.0.1:11434/v1", "n" * 12, ("b", "c"))
    view = await bench.ask(made, more, None)
    assert (view.name, view.enabled) == ("Mine", False)
    assert texts_of(await models(bench), "model_name") == ["a", "b", "c"]
    assert KEYS.decrypt(made.state.api_key_encrypted) == "n" * 12


async def test_an_offered_key_is_not_for_another_host(bench: Workbench) -> None:
    """A provider whose address was changed by hand does not receive the found key."""
    made = bench.entity(Provider, "found")
    offer = OfferProvider("OpenAI", "https://api.example.com/v1", "k" * 12, ("a",))
    await bench.ask(made, offer, None)
    await bench.ask(made, UpdateProvider(base_url="https://proxy.example.net/v1"), ADMIN)
    await bench.ask(made, offer, None)
    assert made.state.api_key_encrypted == ""


async def test_a_private_address_takes_a_permission_of_its_own(bench: Workbench) -> None:
    """Connecting providers is not enough; one at such an address may not be moved there either."""
    limited = Principal("u9", (WRITE_MODELS,))
    made = bench.entity(Provider, "q")
    with pytest.raises(NotPermitted, match="VAREON_PRIVATE_NETWORKS"):
        await bench.ask(made, CreateProvider("Inside", "http://127.1:8000/v1", ""), limited)
    await bench.ask(made, CreateProvider("Outside", "https://api.example.com/v1", ""), limited)
    assert made.state.anywhere is False
    with pytest.raises(NotPermitted):
        await bench.ask(made, UpdateProvider(base_url="http://169.254.169.254/v1"), limited)
    await bench.ask(made, UpdateProvider(base_url="http://127.0.0.1:8000/v1"), ADMIN)
    assert made.state.anywhere is True
    await bench.ask(made, UpdateProvider(name="Still there"), limited)
    (row,) = await bench.read(select(LlmProviderRow.anywhere).where(LlmProviderRow.id == "q"))
    assert row.anywhere
