"""``kill -9`` of every process at once, in the middle of streaming turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.running import RunningVareon
from tests.support.steady_chat import SteadyChat
from tests.support.upstream import Upstream, answer_to
from vareon_runtime.clock import SystemClock
from vareon_runtime.identity import IdSource

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

AT_ONCE = 3
WORDS = 60
PACE_S = 0.02
TURN_PATIENCE_S = 60.0

ids = IdSource(SystemClock(), Random())


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A healthy model that takes its time."""
    async with Upstream(pace_s=PACE_S) as running:
        yield running


@pytest.fixture
async def session(
    vareon: RunningVareon, upstream: Upstream
) -> AsyncIterator[aiohttp.ClientSession]:
    """The administrator's, with that model connected."""
    headers = {"Authorization": f"Bearer {vareon.admin_token()}"}
    async with aiohttp.ClientSession(vareon.base_url, headers=headers) as made:
        provider = {"name": f"slow {upstream.port}", "base_url": upstream.base_url, "api_key": "k"}
        created = await _post(made, "/api/cognisys/providers/", provider)
        model = {"provider_id": created["id"], "model_name": "fake-small", "type": "chat"}
        await _post(made, "/api/cognisys/models/", model)
        yield made


async def test_everything_killed_at_once(
    vareon: RunningVareon, session: aiohttp.ClientSession
) -> None:
    """As when the power fails; the next start answers what had been accepted."""
    chats = [_chat(session) for _ in range(AT_ONCE)]
    following = [asyncio.create_task(chat.follow()) for chat in chats]
    async with asyncio.timeout(TURN_PATIENCE_S * 2):
        await asyncio.gather(*(chat.streaming.wait() for chat in chats))
        await asyncio.to_thread(vareon.kill_everything)
        vareon.port = urlsplit(vareon.base_url).port or 0  # the clients know no other
        await asyncio.to_thread(vareon.start)
        await asyncio.gather(*following)
    for chat in chats:
        assert chat.ended["type"] == "done", chat.ended
        await _is_in_the_history(session, chat)


def _chat(session: aiohttp.ClientSession) -> SteadyChat:
    content = " ".join(f"word{number}" for number in range(WORDS))
    return SteadyChat(session, ids.text_id(), ids.text_id(), content)


async def _is_in_the_history(session: aiohttp.ClientSession, chat: SteadyChat) -> None:
    """Question and answer once each, the answer as it was shown."""
    async with session.get(f"/api/chat/history/{chat.conversation_id}") as response:
        assert response.status == 200
        said = [
            (message["sender"], message["message_content"]) for message in await response.json()
        ]
    assert chat.text == answer_to([{"content": chat.content}])
    assert sorted(said) == sorted([("user", chat.content), ("llm", chat.text)])


async def _post(session: aiohttp.ClientSession, path: str, body: dict[str, str]) -> dict[str, str]:
    async with session.post(path, json=body) as response:
        assert response.status == 201, await response.text()
        answer: dict[str, str] = await response.json()
        return answer
