"""How a host is put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors import bootstrap
from actors.accounts.one_use import OneUseTokens
from actors.cognisys.completion import Completions
from actors.cognisys.destination import Destinations
from actors.cognisys.guide import Guide
from actors.cognisys.keyring import KeyRing
from actors.mail.post_office import PostOffice
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError


def settings_in(folder: Path, **options: Any) -> Settings:
    return Settings(data_dir=folder, database_url=f"sqlite:///{folder}/vareon.db", **options)


async def test_a_host_is_given_what_the_entities_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, a way to models, the guide; the user's entities; and what must be closed."""
    given: list[Any] = []

    async def build(*arguments: Any, closers: Any) -> str:
        given.extend([*arguments, closers])
        return "the host"

    monkeypatch.setattr(bootstrap, "build", build)
    settings = settings_in(tmp_path, entities=("examples.counter.counter",))
    settings.secrets_dir.mkdir()
    settings.encryption_key_file.write_text("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
    assert await bootstrap.build_host(settings, "entity-host-0@here") == "the host"
    _, name, registry, resources, closers = given
    assert name == "entity-host-0@here"
    assert registry.get("counter").handlers.exposed
    assert set(resources) == {
        KeyRing,
        Completions,
        Destinations,
        Guide,
        OneUseTokens,
        PostOffice,
    }
    for close in closers:
        await close()


async def test_a_missing_key_file_is_said_at_start(tmp_path: Path) -> None:
    """Before anything could be stored that nobody opens again."""
    with pytest.raises(ConfigurationError, match="encryption"):
        await bootstrap.build_host(settings_in(tmp_path), "host")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8480"),
        ("0.0.0.0", "http://127.0.0.1:8480"),
        ("::", "http://127.0.0.1:8480"),
        ("::1", "http://[::1]:8480"),
        ("box.lan", "http://box.lan:8480"),
    ],
)
def test_the_address_to_show(tmp_path: Path, host: str, expected: str) -> None:
    """One that works from this machine."""
    assert bootstrap.url_of(settings_in(tmp_path, host=host)) == expected
