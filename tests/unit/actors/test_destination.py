"""Requests go to the outside, unless somebody allowed more; however an address is written."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from actors.cognisys.destination import Destinations, ForbiddenAddress, GuardedResolver
from actors.cognisys.keyring import KeyRing
from actors.cognisys.messages import ModelRoute
from actors.cognisys.openai_wire import OpenAiWire
from vareon_runtime.errors import UpstreamRejected

PRIVATE = (
    "http://127.0.0.1", "http://127.1", "http://127.0.0.2:8080", "http://0.0.0.0", "http://0",
    "http://2130706433", "http://0x7f000001", "http://0x7f.1", "http://017700000001",
    "http://0177.0.0.1", "http://127.0.0.1.", "http://localhost", "http://LOCALHOST",
    "http://localhost.", "http://a.localhost", "http://printer.local", "http://metadata.internal",
    "http://10.0.0.1", "http://10.255.255.255", "http://172.16.0.1", "http://172.31.255.1",
    "http://192.168.1.1", "http://169.254.169.254/latest", "http://169.254.1.1",
    "http://100.64.0.1", "http://192.0.0.1", "http://192.0.2.1", "http://198.18.0.1",
    "http://198.51.100.1", "http://203.0.113.1", "http://224.0.0.1", "http://240.0.0.1",
    "http://255.255.255.255", "http://[::]", "http://[::1]", "http://[fe80::1]",
    "http://[fe80::1%25eth0]", "http://[fc00::1]", "http://[fd12:3456::1]", "http://[ff02::1]",
    "http://[::ffff:127.0.0.1]", "http://[::ffff:10.0.0.1]", "http://[::ffff:a9fe:a9fe]",
    "http://[::127.0.0.1]", "http://[64:ff9b::7f00:1]", "http://[64:ff9b::a00:1]",
    "http://[2002:7f00:1::]", "http://[2002:a00:1::1]", "http://[2001:db8::1]",
    "http://[fec0::1]", "https://3232235777", "http://0xa9fea9fe",
)  # fmt: skip
PUBLIC = (
    "https://api.openai.com/v1",
    "http://8.8.8.8",
    "http://134744072",
    "http://[2606:4700::1111]",
    "http://[::ffff:8.8.8.8]",
    "https://127.0.0.1.example.com",
)


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_seen_through(url: str) -> None:
    """In decimal, octal and hex, short or mapped, by its name or by its number."""
    assert not Destinations().permits_host(url)


@pytest.mark.parametrize("url", PUBLIC)
def test_what_is_outside_may_be_meant(url: str) -> None:
    """A name is judged when it is used, by what it then stands for."""
    assert Destinations().permits_host(url)


def test_an_operator_may_list_networks() -> None:
    """Those and no others."""
    listed = Destinations([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")])
    assert listed.permits_host("http://10.1.2.3")
    assert listed.permits_host("http://[fd00::1]")
    assert listed.permits_host("http://[::ffff:10.1.2.3]")
    assert not listed.permits_host("http://10.2.0.1")
    assert not listed.permits_host("http://127.0.0.1")


class Names(AbstractResolver):
    """Stands for a name server that says what it likes, each time something else."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_is_resolved_once_and_judged_by_that() -> None:
    """What is given is what is connected to: there is no second look-up to lie in."""
    guarded = GuardedResolver(Destinations(), Names(["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]))
    found = await guarded.resolve("rebinding.example.com", 80)
    assert [one["host"] for one in found] == ["8.8.8.8"]
    with pytest.raises(ForbiddenAddress):
        await guarded.resolve("rebinding.example.com", 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "canary.example.com"])
async def test_nothing_reaches_a_private_server(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary on loopback hears no connection, and the caller is told what to do."""
    heard: list[Any] = []

    async def system(self: Any, host: str, port: int = 0, family: Any = 0) -> Any:
        return await Names(["127.0.0.1"]).resolve(host, port, socket.AF_INET)

    monkeypatch.setattr("aiohttp.resolver.DefaultResolver.resolve", system)
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        port = canary.getsockname()[1]
        wire = OpenAiWire(KeyRing(b"A" * 43 + b"="), Destinations())
        route = ModelRoute("m", "why", provider_name="p", base_url=f"http://{host}:{port}/v1")
        with pytest.raises(UpstreamRejected, match="private address"):
            async for _ in wire.stream(route, []):
                pass
        with pytest.raises(BlockingIOError):
            heard.append(canary.accept())
        await wire.close()
    assert heard == []
