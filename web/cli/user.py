"""``vareon user``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from vareon_runtime.launch.secrets import new_password
from web.cli.calling import call
from web.cli.instance import Target, data_dir_option, target_of, token_option, url_option


@click.group()
def user() -> None:
    """Accounts."""


Command = Callable[..., None]


def _where(command: Command) -> Command:
    return data_dir_option(url_option(token_option(command)))


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="Make it an administrator.")
@_where
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
    password, made = _chosen(password_stdin=password_stdin)
    body = {
        "username": name,
        "password": password,
        "roles": ["admin"] if admin else ["member"],
    }
    asyncio.run(call(target, "POST", "/api/users", body))
    click.echo(f"{name} may sign in now at {target.url}/")
    if made:
        click.echo(f"password: {password}   (shown only this once)")


@user.command("list")
@click.option("--search", help="Only those whose name or e-mail begins like this.")
@click.option("--limit", default=100, show_default=True, help="How many, the oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_where
def list_(
    *,
    search: str | None,
    limit: int,
    as_json: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """List accounts."""
    wanted = {"limit": limit, **({"search": search} if search else {})}
    target = target_of(url, given_token, data_dir)
    for found in asyncio.run(call(target, "GET", f"/api/users?{urlencode(wanted)}")):
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
            continue
        closed = "" if found["is_active"] else "  disabled"
        email = f"  {found['email']}" if found["email"] else ""
        click.echo(f"{found['username']}{email}  {', '.join(found['roles'])}{closed}")


@user.command()
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="Repeatable; member if none is given.")
@_where
def invite(
    *,
    email: str,
    roles: tuple[str, ...],
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """Send EMAIL a letter whose link opens an account, once, within seven days."""
    target = target_of(url, given_token, data_dir)
    body = {"email": email, "roles": roles or ("member",)}
    asyncio.run(call(target, "POST", "/api/users/invite", body))
    click.echo(f"a letter to {email} is on its way")


@user.command()
@click.argument("name")
@_where
def disable(*, name: str, data_dir: Path | None, url: str | None, given_token: str | None) -> None:
    """Keep NAME from signing in, and sign them out everywhere."""
    asyncio.run(_change(target_of(url, given_token, data_dir), "POST", name, "disable"))
    click.echo(f"{name} may not sign in any more")


@user.command()
@click.argument("name")
@_where
def enable(*, name: str, data_dir: Path | None, url: str | None, given_token: str | None) -> None:
    """Let NAME sign in again."""
    asyncio.run(_change(target_of(url, given_token, data_dir), "POST", name, "enable"))
    click.echo(f"{name} may sign in again")


@user.command()
@click.argument("name")
@click.argument("wanted", nargs=-1, required=True, metavar="ROLE...")
@_where
def roles(
    *,
    name: str,
    wanted: tuple[str, ...],
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """Give NAME these roles and no others, such as: vareon user roles bea member operator."""
    target = target_of(url, given_token, data_dir)
    asyncio.run(_change(target, "PUT", name, "roles", {"roles": wanted}))
    click.echo(f"{name} is {', '.join(wanted)} now")


@user.command("reset-password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_where
def reset_password(
    *,
    name: str,
    password_stdin: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """Give NAME another password and sign them out everywhere.

    On the server's own machine this needs no password and no token: whoever may read the
    instance's key is its administrator.
    """
    target = target_of(url, given_token, data_dir)
    password, made = _chosen(password_stdin=password_stdin)
    asyncio.run(_change(target, "PUT", name, "password", {"password": password}))
    click.echo(f"{name} has another password now")
    if made:
        click.echo(f"password: {password}   (shown only this once)")


def _chosen(*, password_stdin: bool) -> tuple[str, bool]:
    """A password, and whether it was made here."""
    if not password_stdin:
        return new_password(), True
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise click.ClickException("standard input held no password")
    return given, False


async def _change(target: Target, method: str, name: str, what: str, body: Any = None) -> None:
    """Change the account of this name or e-mail."""
    found = await call(target, "GET", f"/api/users?{urlencode({'search': name, 'limit': 1000})}")
    called = [one for one in found if name in (one["username"], one["email"])]
    if not called:
        raise click.ClickException(f"nobody is called '{name}': vareon user list shows them")
    # One account's name may be another's e-mail; the name wins, as it does when signing in.
    account = min(called, key=lambda one: one["username"] != name)
    await call(target, method, f"/api/users/{account['id']}/{what}", body)
