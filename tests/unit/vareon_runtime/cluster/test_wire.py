"""Settings survive the pipe."""

from __future__ import annotations

import json
from pathlib import Path

from vareon_runtime.cluster import wire
from vareon_runtime.config import Settings, Smtp


def test_settings_arrive_as_they_were() -> None:
    """Each field, with its type."""
    settings = Settings(
        data_dir=Path("/a b/ü"),
        database_url="sqlite:////x.db",
        port=1,
        node="n",
        entities=("one", "two.three"),
        instance="abc",
        tls_cert=Path("/cert"),
        trusted_proxies=("10.0.0.0/8",),
        tls_key=Path("/key"),
        registration="closed",
        public_url="https://vareon.example.org",
        smtp=Smtp("mail.example.org", 587, "v@example.org", password_file=Path("/secret/ü")),
    )
    sent = wire.line({"settings": wire.settings_to_wire(settings)})
    assert sent.endswith(b"\n")
    assert wire.settings_from_wire(json.loads(sent)["settings"]) == settings
