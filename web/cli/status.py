"""``vareon status``."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from vareon_runtime.config import Settings
from vareon_runtime.launch import tls
from vareon_runtime.launch.running import Running
from web.cli.instance import admin_token, data_dir_option, running_here, settings_for
from web.cli.table import fields
from web.cli.telling import Told, tells

_PATIENCE_S = 5.0


@click.command()
@data_dir_option
@tells
def status(data_dir: Path | None) -> Told:
    r"""Say whether Vareon runs on this data dir, and whether it is ready.

    \b
    Examples:
      vareon status
      vareon status --json
    """
    settings = settings_for(data_dir)
    record = running_here(settings)
    if record is None:
        value = {"running": False, "ready": False, "data_dir": str(settings.data_dir)}
        return Told(value, [f"Vareon is not running on {settings.data_dir}"], failed=True)
    code, answer = _readiness(record.url, tls.client_context(settings))
    ready = code == HTTPStatus.OK
    used = _stored(record.url, settings) if ready else None
    detail = "ready" if ready else answer.get("detail", "not ready")
    value = {
        "running": True,
        "ready": ready,
        "detail": detail,
        "url": record.url,
        "dashboard_url": record.dashboard_url,
        "data_dir": str(settings.data_dir),
        "process": record.pid,
        "stored": used,
    }
    return Told(value, [detail, *_about(record, settings, used)], failed=not ready)


def _about(record: Running, settings: Settings, used: dict[str, Any] | None) -> list[str]:
    pairs = [
        ("address", f"{record.url}/"),
        ("Ray dashboard", record.dashboard_url),
        ("data", settings.data_dir),
        ("process", record.pid),
    ]
    if used is None:
        return fields(pairs)
    total = f"{_size(used['file_bytes'])}, log {_size(used['log_bytes'])}"
    return fields([*pairs, ("stored", total)]) + [
        f"    {family['family']:<12} {family['rows']:>12,} rows  {_size(family['bytes']):>9}"
        for family in used["families"]
    ]


def _stored(url: str, settings: Settings) -> dict[str, Any] | None:
    """What is stored; None if this user may not know."""
    try:
        token = admin_token(settings)
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{url}/api/system/storage", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(  # noqa: S310 - our own address
            request, timeout=_PATIENCE_S, context=tls.client_context(settings)
        ) as response:
            return dict(json.load(response))
    except (OSError, ValueError, click.ClickException):
        return None


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _readiness(url: str, trusted: ssl.SSLContext | None) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own address
            f"{url}/readyz", timeout=_PATIENCE_S, context=trusted
        ) as response:
            return response.status, {}
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, dict(json.load(error))
            except ValueError:
                return error.code, {}
    except OSError as error:
        return 0, {"detail": f"not answering ({error})"}
