"""``vareon user``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from vareon_runtime.launch.secrets import new_password
from web.cli.calling import call
from web.cli.instance import data_dir_option, target_of, token_option, url_option


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
    asyncio.run(call(target, "POST", "/api/users", body))
    click.echo(f"{name} may sign in now at {target.url}/")
    if not given:
        click.echo(f"password: {password}   (shown only this once)")
