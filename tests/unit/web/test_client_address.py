"""The client's address: only trusted proxies are believed, from right to left."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from web.client_address import UNKNOWN, ClientAddress, network_of

PROXIES = ("10.0.0.0/8", "2001:db8::1")


def request(peer: str | None, **headers: str) -> Any:
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (peer, 1234) if name == "peername" and peer else default
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers=named, transport=transport)


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.1.1.1", "198.51.100.9", "198.51.100.9"),
        ("10.1.1.1", "203.0.113.5, 198.51.100.9, 10.2.2.2", "198.51.100.9"),
        ("10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.1.1.1", "nonsense, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("10.1.1.1", "198.51.100.9:4711", "198.51.100.9"),
        ("10.1.1.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("2001:db8::1", "::ffff:198.51.100.9", "198.51.100.9"),
        ("::ffff:10.1.1.1", "198.51.100.9", "198.51.100.9"),
        ("fe80::1%eth0", None, "fe80::1"),
        (None, "198.51.100.9", UNKNOWN),
    ],
)
def test_who_is_asking(peer: str | None, said: str | None, found: str) -> None:
    """What an untrusted peer says of others is not believed."""
    headers = {} if said is None else {"X_Forwarded_For": said}
    assert ClientAddress(PROXIES).of(request(peer, **headers)) == found


def test_nobody_is_trusted_unless_named() -> None:
    """Neither for the address nor for TLS."""
    asked = request("10.1.1.1", X_Forwarded_For="198.51.100.9", X_Forwarded_Proto="https")
    assert ClientAddress().of(asked) == "10.1.1.1"
    assert not ClientAddress().is_secure(asked)
    assert ClientAddress(PROXIES).is_secure(asked)


def test_one_client_may_have_a_network() -> None:
    """An IPv6 client has 64 bits to itself."""
    assert (
        network_of("2001:db8::1:2:3:4") == network_of("2001:db8::ffff") != network_of("2001:db9::")
    )
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of(UNKNOWN) == UNKNOWN
