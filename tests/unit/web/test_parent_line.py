"""The parent lends its listening socket, and its end is noticed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.errors import Unavailable
from vareon_runtime.launch.control import ControlSocket
from web import parent
from web.parent import ParentLine


async def test_the_port_is_lent_and_the_end_is_noticed(tmp_path: Path) -> None:
    """The same port, in a socket of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    told: list[dict[str, Any]] = []
    heard, lost = asyncio.Event(), asyncio.Event()

    async def on_event(event: dict[str, Any]) -> None:
        told.append(event)
        heard.set()

    control = ControlSocket(tmp_path / "control.sock", listening, on_event)
    control.open()
    line = ParentLine(tmp_path / "control.sock")
    lent = await line.take_port(lost.set)
    assert lent.getsockname() == listening.getsockname()
    heard.clear()
    await line.say(event="ready", admin_created=True)
    await heard.wait()
    assert [event["event"] for event in told] == ["hello", "take", "ready"]
    control.close()
    async with asyncio.timeout(5):
        await lost.wait()
    await line.say(event="models", found=[])
    line.close()
    lent.close()
    listening.close()


async def test_without_a_parent_there_is_no_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said within a bounded time."""
    monkeypatch.setattr(parent, "CONNECT_TIME_S", 0.1)
    line = ParentLine(tmp_path / "control.sock")
    with pytest.raises(Unavailable):
        await line.take_port(lambda: None)
