"""Closing an account: what its owner had goes first, then the account."""

from __future__ import annotations

from typing import Any

import pytest

from actors.accounts.messages import ChangeAccount, CloseAccount, CreateUser
from actors.accounts.user import User
from actors.arcana.conversation import Conversation
from actors.arcana.messages import CreateConversation
from tests.support.workbench import ADMIN, Workbench
from vareon_runtime.errors import NotFound, Unavailable
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.models import ConversationRow

DORA = Principal("dora-id", ("member",))
TALKS = tuple(f"0198c0de-0000-7000-8000-00000000000{number}" for number in range(3))


async def closed(bench: Workbench) -> Any:
    dora = bench.entity(User, DORA.user_id)
    await bench.ask(dora, CreateUser("dora", "hash", email="dora@example.org"), ADMIN)
    for talk in TALKS:
        await bench.ask(bench.entity(Conversation, talk), CreateConversation(None), DORA)
    await bench.ask(dora, CloseAccount(), DORA)
    return dora


async def test_it_is_of_no_use_at_once_and_gone_at_last(bench: Workbench) -> None:
    dora = await closed(bench)
    assert (dora.state.is_active, dora.state.token_version) == (False, 1)
    with pytest.raises(NotFound):
        await bench.ask(dora, ChangeAccount(username="emil"), DORA)
    assert await bench.ask(dora, CloseAccount(), DORA), "again changes nothing"
    assert len(bench.pending) == 1
    await bench.run_effect(principal=DORA)
    assert not dora.exists
    assert not any(bench.entities[EntityId("conversation", talk)].exists for talk in TALKS)
    (_, letter) = bench.sent[-1]
    assert (letter.template, letter.user_id) == ("account_closed", "")


async def test_what_is_made_meanwhile_goes_too(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request may have been under way when the account was closed."""
    late = "0198c0de-0000-7000-8000-000000000009"
    dora = await closed(bench)
    delete_all = User._delete_all

    async def and_one_more(self: Any, belonging: Any, context: Any) -> bool:
        found = await delete_all(self, belonging, context)
        if EntityId("conversation", late) not in bench.entities:
            await bench.ask(bench.entity(Conversation, late), CreateConversation(None), DORA)
        return found

    monkeypatch.setattr(User, "_delete_all", and_one_more)
    await bench.run_effect(principal=DORA)
    assert not bench.entities[EntityId("conversation", late)].exists
    assert not dora.exists


async def test_it_goes_on_after_a_failure(bench: Workbench) -> None:
    """As long as it takes."""
    dora = await closed(bench)
    await bench.run_effect(Unavailable("?"))
    assert dora.exists
    await bench.tick(dora, "go_on_closing")
    await bench.run_effect(principal=DORA)
    assert not dora.exists
    owned = ConversationRow.__table__.select().where(ConversationRow.user_id == DORA.user_id)
    assert await bench.read(owned) == []
