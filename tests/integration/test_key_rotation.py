"""`vareon keys rotate` beside front doors that serve."""

from __future__ import annotations

import aiohttp
import jwt
from click.testing import CliRunner

from tests.support.system import InProcessSystem
from web.cli import main


def rotate(system: InProcessSystem, *options: str) -> tuple[int, str]:
    command = ["keys", "rotate", "--data-dir", str(system.data_dir), *options]
    result = CliRunner().invoke(main, command)
    return result.exit_code, result.output


async def status(client: aiohttp.ClientSession) -> int:
    async with client.get("/api/users/me") as response:
        return response.status


async def test_nobody_notices_unless_the_old_key_is_dropped(system: InProcessSystem) -> None:
    """What either front door signs counts at the other at once."""
    side_url = await system.open_side_door()
    old = await system.token()
    assert await status(system.client(old, url=side_url)) == 200
    code, said = rotate(system)
    assert code == 0
    new = system.tokens.issue_access(system.admin_id)
    assert jwt.get_unverified_header(new)["kid"] in said
    for url in (system.url, side_url):
        for token in (new, old):
            assert await status(system.client(token, url=url)) == 200
    code, said = rotate(system)
    assert code == 1
    assert "Two keys are live" in said
    before = system.tokens
    assert rotate(system, "--drop")[0] == 0
    fresh = system.tokens.issue_access(system.admin_id)
    for url in (system.url, side_url):
        assert await status(system.client(fresh, url=url)) == 200
        dropped = before.issue_access(system.admin_id)
        assert await status(system.client(dropped, url=url)) == 401
