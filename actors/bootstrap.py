"""Puts an entity host together: the only place that knows which parts it is made of."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from actors.accounts.one_use import OneUseTokens
from actors.cognisys.completion import Completions
from actors.cognisys.destination import Destinations
from actors.cognisys.guide import Guide, HostFacts
from actors.cognisys.keyring import KeyRing
from actors.cognisys.openai_wire import OpenAiWire
from actors.mail.post_office import PostOffice
from actors.mail.terminal import ServerTerminal
from actors.registry import build_registry
from vareon_runtime.clock import Clock, SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.hosting.bootstrap import build
from vareon_runtime.service import Service


async def build_host(settings: Settings, name: str) -> Service:
    """The host that runs this product's entities and the user's own.

    Raises:
        ConfigurationError: If a setting, a key file or an entity module is wrong.
    """
    clock = SystemClock()
    keys = KeyRing.from_file(settings.encryption_key_file)
    destinations = Destinations(ip_network(one, strict=False) for one in settings.private_networks)
    wire = OpenAiWire(keys, destinations, clock=clock)
    facts = HostFacts(name, url_of(settings), clock.time())
    resources: dict[type[Any], Any] = {
        KeyRing: keys,
        Completions: wire,
        Destinations: destinations,
        Guide: Guide(facts, clock),
        OneUseTokens: OneUseTokens(),
        PostOffice: _post_office(settings, clock),
    }
    registry = build_registry(settings.entities)
    return await build(settings, name, registry, resources, closers=[wire.close])


def _post_office(settings: Settings, clock: Clock) -> PostOffice:
    site = settings.public_url or url_of(settings)
    return PostOffice(settings.smtp, site, ServerTerminal(settings.control_socket).show, clock)


def url_of(settings: Settings) -> str:
    """Where a user on this machine reaches this installation."""
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host  # noqa: S104
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
