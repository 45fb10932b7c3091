"""One thing that cannot be taken does not end a process's link for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.bench_entity import Add, Bench, GetCount
from vareon_runtime.entity import Entity, Request, State, command, entity
from vareon_runtime.errors import InternalError, InvalidMessage
from vareon_runtime.identity import EntityId
from vareon_runtime.routing import link
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")


class Repeat(Request[str]):
    text: str
    times: int


@entity("parrot")
class Parrot(Entity[State]):
    """Says what it hears, many times."""

    @command(creates=True)
    async def repeat(self, message: Repeat, context: object) -> str:
        return message.text * message.times


async def test_a_host_connects_again_after_something_unforeseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with InProcessCluster(tmp_path, [Bench]) as cluster:
        assert await cluster.bus.ask(A, Add()) == 1
        assert cluster.host is not None
        bus, incoming = cluster.host.bus, cluster.host.bus._incoming
        broken = asyncio.Event()

        def once(*_: object) -> None:
            bus._incoming = incoming
            broken.set()
            raise ZeroDivisionError

        bus._incoming = once
        assert await cluster.bus.ask(A, GetCount(), timeout_s=5) == 1
        assert broken.is_set()


async def test_what_does_not_fit_into_a_batch_is_refused_and_the_link_holds(
    tmp_path: Path,
) -> None:
    polly = EntityId("parrot", "polly")
    async with InProcessCluster(tmp_path, [Parrot]) as cluster:
        (before,) = cluster.router.status()["links"][:1]
        with pytest.raises(InvalidMessage, match="in parts"):
            await cluster.bus.ask(polly, Repeat("x" * link.BODY_LIMIT, 1))
        with pytest.raises(InternalError, match="more than"):
            await cluster.bus.ask(polly, Repeat("x", link.BODY_LIMIT), timeout_s=5)
        largest = link.BODY_LIMIT - 8
        assert len(await cluster.bus.ask(polly, Repeat("x", largest))) == largest
        assert cluster.router.status()["links"][0]["name"] == before["name"]
