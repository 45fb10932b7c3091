"""Which model answers whom."""

from __future__ import annotations

from typing import Any

import pytest

from actors.cognisys.messages import (
    AddModel,
    ChooseModel,
    CreateProvider,
    ModelRoute,
    RemoveModel,
    SetPreference,
    UpdateModel,
    UpdateProvider,
)
from actors.cognisys.preference import Preference
from actors.cognisys.provider import Provider
from actors.cognisys.routing import Routing
from tests.support.workbench import ADMIN, ANN, BOB, Workbench
from vareon_runtime.entity import Entity
from vareon_runtime.errors import InvalidMessage, NotFound


@pytest.fixture
async def provider(bench: Workbench) -> Entity[Any]:
    made = bench.entity(Provider, "p")
    await bench.ask(made, CreateProvider("Fake", "https://a.example/v1"), ADMIN)
    for number in (1, 2, 3):
        await bench.ask(made, AddModel(f"m{number}", f"model-{number}"), ADMIN)
    return made


async def choose(bench: Workbench, user_id: str = ANN.user_id) -> ModelRoute:
    routing = bench.entity(Routing, "default")
    route = await bench.ask(routing, ChooseModel(user_id), None)
    assert isinstance(route, ModelRoute)
    return route


async def prefer(bench: Workbench, message: SetPreference) -> Any:
    return await bench.ask(bench.entity(Preference, ANN.user_id), message, ANN)


async def test_without_models_the_guide_answers(bench: Workbench) -> None:
    """And the reason says so."""
    route = await choose(bench)
    assert (route.model_name, route.provider_id) == ("vareon/guide", None)
    assert route.reason == "No model is connected yet."


async def test_the_newest_active_chat_model_is_the_default(
    bench: Workbench, provider: Entity[Any]
) -> None:
    """Embedding models and those switched off are passed over."""
    assert (await choose(bench)).model_id == "m3"
    await bench.ask(provider, UpdateModel("m3", is_active=False), ADMIN)
    await bench.ask(provider, AddModel("m4", "embed", type="embedding"), ADMIN)
    route = await choose(bench)
    assert route.model_id == "m2"
    assert route.reason == "model-2 of Fake is the newest active model."
    await bench.ask(provider, AddModel("m5", "untyped", type=None), ADMIN)
    assert (await choose(bench)).model_id == "m5"


async def test_a_provider_switched_off_is_passed_over(
    bench: Workbench, provider: Entity[Any]
) -> None:
    """With all of its models."""
    await bench.ask(provider, UpdateProvider(enabled=False), ADMIN)
    assert (await choose(bench)).model_name == "vareon/guide"


async def test_a_users_default_wins(bench: Workbench, provider: Entity[Any]) -> None:
    """For that user alone, with the user's settings, while it can be used."""
    await prefer(bench, SetPreference("m1", temperature=0.1, top_p=0.5))
    route = await choose(bench)
    assert (route.model_id, route.temperature, route.top_p) == ("m1", 0.1, 0.5)
    assert route.reason == "model-1 of Fake is your default model."
    other = await choose(bench, BOB.user_id)
    assert (other.model_id, other.temperature) == ("m3", 0.7)
    await bench.ask(provider, UpdateModel("m1", is_active=False), ADMIN)
    again = await choose(bench)
    assert (again.model_id, again.temperature) == ("m3", 0.1)


async def test_a_removed_default_is_forgotten(bench: Workbench, provider: Entity[Any]) -> None:
    """The next change of the preference does not name it again."""
    await prefer(bench, SetPreference("m1"))
    await bench.ask(provider, RemoveModel("m1"), ADMIN)
    assert (await choose(bench)).model_id == "m3"
    view = await prefer(bench, SetPreference(temperature=1.0))
    assert (view.default_model_id, view.temperature) == (None, 1.0)


async def test_what_no_preference_can_be(bench: Workbench, provider: Entity[Any]) -> None:
    """An unknown model, numbers out of range, and another user's."""
    with pytest.raises(NotFound, match="Default LLM Model not found"):
        await prefer(bench, SetPreference("nothing"))
    for message in (
        SetPreference(temperature=2.1),
        SetPreference(temperature=-0.1),
        SetPreference(top_p=1.1),
        SetPreference(top_p=float("nan")),
    ):
        with pytest.raises(InvalidMessage):
            await prefer(bench, message)
    with pytest.raises(NotFound):
        await bench.ask(bench.entity(Preference, ANN.user_id), SetPreference(), BOB)
