"""An operator sees what is stored."""

from __future__ import annotations

from tests.support.system import InProcessSystem

STORAGE = "/api/system/storage"


async def test_rows_and_bytes_are_shown_to_those_who_run_the_system(
    system: InProcessSystem,
) -> None:
    async with system.admin() as admin, admin.get(STORAGE) as answer:
        assert answer.status == 200
        used = await answer.json()
    families = {family["family"]: family for family in used["families"]}
    assert families["entities"]["rows"] >= 1
    assert families["inbox"]["bytes"] > 0
    assert used["file_bytes"] > 0
    async with await system.new_user("ann") as member, member.get(STORAGE) as answer:
        assert answer.status == 403
    async with system.client() as nobody, nobody.get(STORAGE) as answer:
        assert answer.status == 401
