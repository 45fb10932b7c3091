"""``vareon role``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from web.cli.calling import call
from web.cli.instance import Target, data_dir_option, target_of, token_option, url_option

Command = Callable[..., None]


def _where(command: Command) -> Command:
    return data_dir_option(url_option(token_option(command)))


@click.group()
def role() -> None:
    """Roles, and what they allow."""


@role.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_where
def list_(
    *, as_json: bool, data_dir: Path | None, url: str | None, given_token: str | None
) -> None:
    """List them, the built-in ones first."""
    target = target_of(url, given_token, data_dir)
    for found in asyncio.run(call(target, "GET", "/api/roles")):
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
            continue
        about = f"  {found['description']}" if found["description"] else ""
        click.echo(f"{found['name']}{'  (built in)' if found['builtin'] else ''}{about}")
        for permission in found["permissions"]:
            click.echo(f"  {permission}")


@role.command()
@click.argument("name")
@click.option(
    "--allow", "permissions", multiple=True, metavar="PERMISSION", help="May be repeated."
)
@click.option("--description", default="", help="What it is for.")
@_where
def add(
    *,
    name: str,
    permissions: tuple[str, ...],
    description: str,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """Make a role called NAME, such as: vareon role add auditor --allow system:audit."""
    target = target_of(url, given_token, data_dir)
    body = {"name": name, "permissions": permissions, "description": description}
    asyncio.run(call(target, "POST", "/api/roles", body))
    click.echo(f"{name} may be given now: vareon user roles SOMEBODY {name}")


@role.command()
@click.argument("name")
@_where
def remove(*, name: str, data_dir: Path | None, url: str | None, given_token: str | None) -> None:
    """Delete the role called NAME and take it from whoever holds it."""
    asyncio.run(_remove(target_of(url, given_token, data_dir), name))
    click.echo(f"{name} is gone")


async def _remove(target: Target, name: str) -> None:
    found: list[dict[str, Any]] = await call(target, "GET", "/api/roles")
    known = next((one["id"] for one in found if one["name"] == name), None)
    if known is None:
        raise click.ClickException(f"there is no role '{name}': vareon role list shows them")
    await call(target, "DELETE", f"/api/roles/{known}")
