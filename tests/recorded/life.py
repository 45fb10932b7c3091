"""A system with a past: ``python -m tests.recorded.life`` records one, as this version makes it.

What it writes are the database and the secrets of a system in the midst of its work, stopped
without warning. Every later version must be able to go on from there: see `test_upgrade.py`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.system import InProcessSystem
from vareon_runtime.migrations.run import HEAD

FOLDER = Path(__file__).with_name("systems")
ENTITIES = ("examples.counter.counter", "tests.recorded.ward")
MEMBER, MEMBER_PASSWORD = "ada", "ada's own password"
WARD = "/api/entities/ward/one"
COUNTER = "/api/entities/counter/apples"


async def live(system: InProcessSystem) -> dict[str, Any]:
    """Do a little of everything; returns what must be true of it for ever."""
    admin = await system.sign_in()
    account = {"username": MEMBER, "password": MEMBER_PASSWORD, "email": "ada@example.org"}
    await _post(admin, "/api/users", account)
    provider = {"name": "old", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-recorded-key"}
    made = await _post(admin, "/api/cognisys/providers", provider)
    model = {"provider_id": made["id"], "model_name": "old-model", "is_active": False}
    await _post(admin, "/api/cognisys/models", model)
    member = await system.sign_in(MEMBER, MEMBER_PASSWORD)
    said = await _post(member, "/api/chat", {"message": "remember the walrus"})
    for _ in range(3):
        count = await _post(member, COUNTER + "/Add", {"amount": 7})
    await _post(member, WARD + "/Admit", {})
    async with asyncio.timeout(30):
        while (await _get(member, WARD + "/GetWard"))[0] != "1":
            await asyncio.sleep(0.05)
    return {
        "admin_id": system.admin_id,
        "conversation_id": said["conversation_id"],
        "answer": said["response"],
        "count": count,
        "masked_api_key": made["masked_api_key"],
        "provider_id": made["id"],
    }


async def _post(client: Any, path: str, body: dict[str, Any]) -> Any:
    async with client.post(path, json=body) as response:
        assert response.status in (200, 201), await response.text()
        return await response.json()


async def _get(client: Any, path: str) -> Any:
    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def record(file: Path) -> None:
    """Live, and keep what is on the disk at that moment."""
    with tempfile.TemporaryDirectory() as folder:
        where, kept = Path(folder) / "data", Path(folder) / "kept"
        kept.mkdir()
        async with InProcessSystem(where, entities=ENTITIES) as system:
            facts = await live(system)
            with (
                closing(sqlite3.connect(where / "vareon.db")) as running,
                closing(sqlite3.connect(kept / "vareon.db")) as copy,
            ):
                running.backup(copy)
        shutil.copytree(where / "secrets", kept / "secrets")
        (kept / "facts.json").write_text(json.dumps(facts, indent=2))
        with tarfile.open(file, "w:xz") as packed:
            packed.add(kept, ".")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(record(FOLDER / f"schema-{HEAD}.tar.xz"))
