"""A fault after the upgrade closes the socket; it never becomes an HTTP answer on it."""

from __future__ import annotations

from typing import Any

from tests.unit.web.fake_bus import FakeBus, FakeRows, FakeSystem, user_row
from vareon_runtime.clock import SystemClock
from web.app import build_app
from web.cross_origin import CrossOrigin
from web.services.accounts import Accounts
from web.services.chat import Chat
from web.services.rights import Rights
from web.sockets.chat import ChatSockets
from web.sockets.open_sockets import OpenSockets


class FailingRows(FakeRows):
    """Fails once the caller is known."""

    async def rows(self, statement: Any) -> list[Any]:
        if self.selects:
            raise RuntimeError("disk")
        return await super().rows(statement)


async def test_a_broken_look_up_closes_with_1011(aiohttp_client: Any) -> None:
    """And its place is free again."""
    system, sockets, rows = FakeSystem(), OpenSockets(), FailingRows([user_row()])
    bus: Any = FakeBus()
    authenticator, clock = system.authenticator_over(rows), SystemClock()
    accounts = Accounts(rows, bus, None, None)  # type: ignore[arg-type]
    rights = Rights(accounts, clock)
    chat = ChatSockets(Chat(rows, bus, None), sockets, rights)  # type: ignore[arg-type]
    app = build_app(
        chat.routes(),
        authenticator,
        system.readiness,
        system.keyed,
        system.admission,
        system.lasting,
        system.quotas,
        CrossOrigin(),
    )
    client = await aiohttp_client(app)
    path = "/ws/chat/0198c0de-0000-7000-8000-000000000001"
    async with client.ws_connect(path, headers=system.bearer) as socket:
        message = await socket.receive()
        assert (message.data, socket.close_code) == (1011, 1011)
    await sockets.close_all(5)
    assert sockets.count == 0
