"""Where requests of ours may go: to the outside, and inside only where somebody allowed it.

The address that a name stands for is looked at when a connection is made, and the connection goes
to that very address: a name that is resolved anew in between could mean another one.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


class ForbiddenAddress(OSError):
    """A private address, and nobody allowed it."""


class Destinations:
    """Knows which addresses are outside, or allowed by the operator.

    Args:
        allowed: Private networks that everybody who may connect providers may use.
    """

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def permits(self, address: str) -> bool:
        """Whether requests may go to an IP address."""
        try:
            found = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if any(found in network for network in self._allowed if network.version == found.version):
            return True
        site_local = isinstance(found, ipaddress.IPv6Address) and found.is_site_local
        return found.is_global and not (found.is_multicast or site_local)

    def permits_host(self, base_url: str) -> bool:
        """Whether a URL may be meant; only its look is judged, names are resolved when it is used.

        Every way to write an IP address counts, as the system would read it.
        """
        host = (urlsplit(base_url).hostname or "").rstrip(".")
        if host.lower() == "localhost" or host.lower().endswith(_LOCAL_NAMES):
            return self.permits("127.0.0.1")
        literal = _literal(host)
        return literal is None or self.permits(literal)


class GuardedResolver(AbstractResolver):
    """Resolves names, and gives only addresses that are permitted.

    Args:
        destinations: Says which.
        inner: Resolves; the system's resolver by default.
    """

    def __init__(self, destinations: Destinations, inner: AbstractResolver | None = None) -> None:
        self._destinations = destinations
        self._inner = inner or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of a name.

        Raises:
            ForbiddenAddress: If it has none.
        """
        found = await self._inner.resolve(host, port, family)
        permitted = [one for one in found if self._destinations.permits(one["host"])]
        if not permitted:
            raise ForbiddenAddress(f"{host} leads to a private address")
        return permitted

    async def close(self) -> None:
        """Give the inner one up."""
        await self._inner.close()


def _literal(host: str) -> str | None:
    """The IP address that is written here, be it ``0x7f.1`` or ``2130706433``; None for a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _unwrapped(address: Address) -> Address:
    """The IPv4 address within one of IPv6 that only carries it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and int(address) >> 32 == 0 and int(address) > 1:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address
