"""Handing the listening socket over."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.mail.terminal import ServerTerminal
from vareon_runtime.launch.control import ControlSocket


class Heard:
    """Collects events and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._changed = asyncio.Condition()

    async def __call__(self, event: dict[str, Any]) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def wait_for(self, kind: str) -> dict[str, Any]:
        """The first event of a kind."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: any(e["event"] == kind for e in self.events))
        return next(e for e in self.events if e["event"] == kind)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[tuple[Path, socket.socket, Heard]]:
    """A parent's side: its path, the socket it gives away, what it has heard."""
    path, heard = tmp_path / "control.sock", Heard()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        parent = ControlSocket(path, listening, heard)
        parent.open()
        yield path, listening, heard
        parent.close()
        await asyncio.sleep(0)
    assert not path.exists()


def connect(path: Path) -> socket.socket:
    """A front door."""
    front_door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    front_door.settimeout(5)
    front_door.connect(str(path))
    return front_door


async def test_take(control: tuple[Path, socket.socket, Heard]) -> None:
    """What arrives is the same socket, and the parent knew before it let go."""
    path, listening, heard = control
    with connect(path) as front_door:
        front_door.sendall(b'{"event":"hello","pid":7}\n{"event":"ta')
        front_door.sendall(b'ke"}\n')
        said, descriptors, _, _ = await asyncio.to_thread(socket.recv_fds, front_door, 64, 1)
        assert json.loads(said) == {}
        with socket.socket(fileno=descriptors[0]) as taken:
            assert taken.getsockname() == listening.getsockname()
        assert [event["event"] for event in heard.events] == ["hello", "take"]
    await heard.wait_for("gone")


async def test_next_front_door(control: tuple[Path, socket.socket, Heard]) -> None:
    """A restarted one gets the socket as well."""
    path, _, heard = control
    connect(path).close()
    await heard.wait_for("gone")
    with connect(path) as second:
        second.sendall(b'{"event":"take"}\n')
        _, descriptors, _, _ = await asyncio.to_thread(socket.recv_fds, second, 64, 1)
        socket.socket(fileno=descriptors[0]).close()


@pytest.mark.parametrize("garbage", [b"not json\n", b"[]\n", b"x" * 200_000])
async def test_garbage_ends_the_connection(
    control: tuple[Path, socket.socket, Heard], garbage: bytes
) -> None:
    """And nothing else."""
    path, _, heard = control
    with connect(path) as front_door:
        await asyncio.to_thread(_send, front_door, garbage)
        await heard.wait_for("gone")


def _send(front_door: socket.socket, text: bytes) -> None:
    try:
        front_door.sendall(text)
    except OSError:
        return


async def test_somebody_with_a_letter_is_no_front_door(
    control: tuple[Path, socket.socket, Heard],
) -> None:
    """It comes and goes; only the letter is told."""
    path, _, heard = control
    await ServerTerminal(path).show("a@b.example", "Verify", "http://x/")
    told = await heard.wait_for("letter")
    assert told == {
        "event": "letter",
        "recipient": "a@b.example",
        "subject": "Verify",
        "link": "http://x/",
    }
    with connect(path) as front_door:
        front_door.sendall(b'{"event": "hello"}\n')
    await heard.wait_for("gone")
    assert [one["event"] for one in heard.events] == ["letter", "hello", "gone"]


async def test_a_letter_is_not_lost_for_want_of_a_terminal(tmp_path: Path) -> None:
    """There is the outbox."""
    await ServerTerminal(tmp_path / "nobody.sock").show("a@b.example", "Verify", "http://x/")
