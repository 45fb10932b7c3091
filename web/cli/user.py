"""``vareon user``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from vareon_runtime.launch.secrets import new_password
from web.cli.instance import (
    Target,
    data_dir_option,
    refusal,
    target_of,
    token_option,
    unreachable,
    url_option,
)

_PATIENCE_S = 30.0


@click.group()
def user() -> None:
    """Accounts."""


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="Make it an administrator.")
@data_dir_option
@url_option
@token_option
def add(
    *,
    name: str,
    password_stdin: bool,
    admin: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """Open an account called NAME; without a password given, one is made and shown."""
    target = target_of(url, given_token, data_dir)
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    if password_stdin and not given:
        raise click.ClickException("standard input held no password")
    password = given or new_password()
    body = {
        "username": name,
        "password": password,
        "roles": ["admin"] if admin else ["member"],
    }
    asyncio.run(_create(target, body))
    click.echo(f"{name} may sign in now at {target.url}/")
    if not given:
        click.echo(f"password: {password}   (shown only this once)")


async def _create(target: Target, body: dict[str, Any]) -> None:
    import aiohttp

    headers = {"Authorization": f"Bearer {target.token}"}
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.post(f"{target.url}/api/users", json=body) as response,
        ):
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError):
        raise click.ClickException(unreachable(target.url)) from None
    except ValueError:
        answer = {}
    if not response.ok:
        raise click.ClickException(refusal(answer or {}, response.status))
