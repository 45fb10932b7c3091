"""Where a request comes from, looking through the proxies that the operator trusts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from aiohttp import web as aiohttp_web

UNKNOWN = "unknown"
MOST_HOPS = 20
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientAddress:
    """Reads ``X-Forwarded-For`` from right to left, as far as trusted proxies wrote it.

    Args:
        trusted: Their addresses or networks. Whatever anybody else says is not believed.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(one, strict=False) for one in trusted]

    def of(self, request: aiohttp_web.BaseRequest) -> str:
        """The client's address; `UNKNOWN` for a connection that has none."""
        found = _address(request.remote or "")
        if found is None:
            return UNKNOWN
        said = ",".join(request.headers.getall("X-Forwarded-For", []))
        hops = said.split(",")[-MOST_HOPS:] if said else []
        while hops and self._trusts(found):
            before = _address(hops.pop())
            if before is None:
                break
            found = before
        return str(found)

    def is_secure(self, request: aiohttp_web.BaseRequest) -> bool:
        """Whether the client speaks TLS, with us or with a proxy that we trust."""
        said = request.headers.get("X-Forwarded-Proto")
        if request.secure or said is None:
            return request.secure
        peer = _address(request.remote or "")
        if peer is None or not self._trusts(peer):
            return False
        return said.rpartition(",")[2].strip().lower() == "https"

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


ADDRESSES = aiohttp_web.AppKey("client_addresses", ClientAddress)
_NO_PROXY = ClientAddress()


def address_of(request: aiohttp_web.Request) -> str:
    """The client's address, by what the application was told of proxies."""
    return request.app.get(ADDRESSES, _NO_PROXY).of(request)


def client_of(request: aiohttp_web.Request) -> str:
    """What counts as one client: an address, or the network that an IPv6 one is in."""
    return network_of(address_of(request))


def is_secure(request: aiohttp_web.Request) -> bool:
    """Whether the client speaks TLS, by what the application was told of proxies."""
    return request.app.get(ADDRESSES, _NO_PROXY).is_secure(request)


def _address(text: str) -> Address | None:
    """An address as a peer or a proxy writes it, perhaps with a port or a zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def network_of(address: str) -> str:
    """What counts as one client: an address, or the network of 64 bits that an IPv6 one is in."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address
