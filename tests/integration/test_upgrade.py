"""Every system that an earlier version left behind goes on under this one."""

from __future__ import annotations

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.recorded.life import COUNTER, ENTITIES, FOLDER, MEMBER, MEMBER_PASSWORD, WARD
from tests.support.system import InProcessSystem

SYSTEMS = sorted(FOLDER.glob("*.tar.xz"))


async def get(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def post(client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
    async with client.post(path, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()


@pytest.mark.parametrize("recorded", SYSTEMS, ids=lambda path: path.name.partition(".")[0])
async def test_what_was_left_behind_goes_on(recorded: Path, tmp_path: Path) -> None:
    """People sign in, see what they had, and what was under way ends as if nothing had been."""
    with tarfile.open(recorded) as packed:
        packed.extractall(tmp_path, filter="data")
    facts = json.loads((tmp_path / "facts.json").read_text())
    async with InProcessSystem(tmp_path, entities=ENTITIES) as system:
        assert system.admin_id == facts["admin_id"]
        member = await system.sign_in(MEMBER, MEMBER_PASSWORD)
        history = await get(member, f"/api/chat/history/{facts['conversation_id']}")
        told = [message["message_content"] for message in history]
        assert told == ["remember the walrus", facts["answer"]]
        assert await get(member, COUNTER + "/GetCount") == facts["count"]
        assert await post(member, COUNTER + "/Add", {"amount": 1}) == facts["count"] + 1
        found = await get(member, "/api/search?query=walrus")
        assert ("message", facts["conversation_id"]) in [
            (hit["type"], hit["conversation_id"]) for hit in found if hit["type"] == "message"
        ]
        admin = await system.sign_in()
        provider = await get(admin, f"/api/cognisys/providers/{facts['provider_id']}")
        assert provider["masked_api_key"] == facts["masked_api_key"]
        await post(member, WARD + "/LetGo", {"by": "the upgrade"})
        async with asyncio.timeout(20):
            while (seen := await get(member, WARD + "/GetWard"))[2] == "under way":
                await asyncio.sleep(0.02)
        assert seen[0] == "1", "a finished step is not done again"
        assert seen[2] == "step 1, released by the upgrade"


def test_there_is_a_system_of_the_first_version() -> None:
    """Without one this would prove nothing."""
    assert SYSTEMS[0].name == "schema-0002.tar.xz"
