"""The built-in responder."""

from __future__ import annotations

import pytest

from actors.accounts.messages import CreateUser
from actors.accounts.user import User
from actors.cognisys.guide import Guide, HostFacts
from actors.cognisys.messages import AddModel, CreateProvider, UpdateModel
from actors.cognisys.provider import Provider
from tests.support.workbench import ADMIN, ANN, Workbench


@pytest.fixture
def guide(bench: Workbench) -> Guide:
    facts = HostFacts("entity-host-0@here", "http://127.0.0.1:8480", bench.clock.now_s - 3_700)
    return Guide(facts, bench.clock)


async def test_it_says_honestly_that_no_model_is_connected(bench: Workbench, guide: Guide) -> None:
    """And shows every way to connect one."""
    answer = await guide.answer("What is the meaning of life?", ANN.user_id, bench.read)
    assert "no model is connected" in answer
    for command in (
        "OPENAI_API_KEY=sk-... vareon up",
        "OPENROUTER_API_KEY=sk-or-... vareon up",
        "ollama pull llama3.2",
        "TOKEN=$(vareon token)",
        "http://127.0.0.1:8480/api/cognisys/providers/",
        "http://127.0.0.1:8480/api/cognisys/models/",
    ):
        assert command in answer


async def test_its_words_make_up_its_answer(bench: Workbench, guide: Guide) -> None:
    """Nothing is lost or added by streaming."""
    chunks = [chunk async for chunk in guide.stream("/help", ANN.user_id, bench.read)]
    assert len(chunks) > 20
    assert "".join(chunk.text for chunk in chunks) == await guide.answer(
        "/help", ANN.user_id, bench.read
    )
    assert chunks[-1].finish_reason == "stop"


async def test_it_knows_its_state(bench: Workbench, guide: Guide) -> None:
    """From the host and from the tables."""
    answer = await guide.answer(" /STATUS please", ANN.user_id, bench.read)
    assert "entity-host-0@here" in answer
    assert "1h 1m" in answer
    assert "your conversations: 0" in answer


async def test_it_lists_models(bench: Workbench, guide: Guide) -> None:
    """Those switched off are marked."""
    assert "No model is connected." in await guide.answer("/models", ANN.user_id, bench.read)
    provider = bench.entity(Provider, "p")
    await bench.ask(provider, CreateProvider("Fake", "https://a.example"), ADMIN)
    await bench.ask(provider, AddModel("m1", "small"), ADMIN)
    await bench.ask(provider, AddModel("m2", "large"), ADMIN)
    await bench.ask(provider, UpdateModel("m1", is_active=False), ADMIN)
    answer = await guide.answer("/models", ANN.user_id, bench.read)
    assert "- `large` of Fake\n- `small` of Fake (switched off)" in answer


async def test_it_knows_who_asks(bench: Workbench, guide: Guide) -> None:
    """By name and roles, and says so when there is no account."""
    await bench.ask(bench.entity(User, "u1"), CreateUser("carl", "h", ("member", "admin")), ADMIN)
    answer = await guide.answer("/whoami", "u1", bench.read)
    assert answer == "You are `carl`, roles: admin, member. Your id is `u1`.\n"
    assert "no account" in await guide.answer("/whoami", "ghost", bench.read)


async def test_it_does_not_pretend_to_know_a_command(bench: Workbench, guide: Guide) -> None:
    """It shows those it knows."""
    answer = await guide.answer("/dance", ANN.user_id, bench.read)
    assert answer.startswith("I do not know `/dance`.")
    assert "/whoami" in answer
