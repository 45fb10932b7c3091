"""``vareon user``."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlencode

import click

from vareon_runtime.launch.secrets import new_password
from web.cli.calling import ask
from web.cli.instance import Target, on_instance
from web.cli.role import complete_role
from web.cli.table import Column, table
from web.cli.telling import Told, tells

_COLUMNS = (
    Column("name", lambda one: one["username"], whole=True),
    Column("e-mail", lambda one: one["email"]),
    Column("roles", lambda one: one["roles"]),
    Column(
        "state",
        lambda one: "active" if one["is_active"] else "disabled",
        colour=lambda one: None if one["is_active"] else "yellow",
    ),
    Column("id", lambda one: one["id"], whole=True),
)


@click.group()
def user() -> None:
    r"""Accounts.

    \b
    Examples:
      vareon user list
      vareon user add ada
    """


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="Make it an administrator.")
@on_instance
@tells
def add(
    *,
    name: str,
    password_stdin: bool,
    admin: bool,
    instance: Target,
) -> Told:
    r"""Open an account called NAME; without a password given, one is made and shown.

    \b
    Examples:
      vareon user add ada
      vareon user add ada --password-stdin < password.txt
    """
    password, made = _chosen(password_stdin=password_stdin)
    body = {
        "username": name,
        "password": password,
        "roles": ["admin"] if admin else ["member"],
    }
    opened = ask(instance, "POST", "/api/users", body)
    return _with_password(opened, f"{name} may sign in now at {instance.url}/", password, made=made)


@user.command("list")
@click.option("--search", help="Only those whose name or e-mail begins like this.")
@click.option("--limit", default=100, show_default=True, help="How many, the oldest first.")
@on_instance
@tells
def list_(
    *,
    search: str | None,
    limit: int,
    instance: Target,
) -> Told:
    r"""List accounts.

    \b
    Examples:
      vareon user list --search ad
      vareon user list --json
    """
    wanted = {"limit": limit, **({"search": search} if search else {})}
    found = ask(instance, "GET", f"/api/users?{urlencode(wanted)}")
    return Told(found, table(found, _COLUMNS, empty="nobody is called that"))


@user.command()
@click.argument("email")
@click.option(
    "--role",
    "roles",
    multiple=True,
    help="Repeatable; member if none is given.",
    shell_complete=complete_role,
)
@on_instance
@tells
def invite(
    *,
    email: str,
    roles: tuple[str, ...],
    instance: Target,
) -> Told:
    r"""Send EMAIL a letter whose link opens an account, once, within seven days.

    \b
    Examples:
      vareon user invite ada@example.org --role operator
    """
    body = {"email": email, "roles": roles or ("member",)}
    told = ask(instance, "POST", "/api/users/invite", body)
    return Told(told, [f"a letter to {email} is on its way"])


@user.command()
@click.argument("name")
@on_instance
@tells
def disable(*, name: str, instance: Target) -> Told:
    r"""Keep NAME from signing in, and sign them out everywhere.

    \b
    Examples:
      vareon user disable ada
    """
    changed = _change(instance, "POST", name, "disable")
    return Told(changed, [f"{name} may not sign in any more"])


@user.command()
@click.argument("name")
@on_instance
@tells
def enable(*, name: str, instance: Target) -> Told:
    r"""Let NAME sign in again.

    \b
    Examples:
      vareon user enable ada
    """
    changed = _change(instance, "POST", name, "enable")
    return Told(changed, [f"{name} may sign in again"])


@user.command()
@click.argument("name")
@click.argument("wanted", nargs=-1, required=True, metavar="ROLE...", shell_complete=complete_role)
@on_instance
@tells
def roles(
    *,
    name: str,
    wanted: tuple[str, ...],
    instance: Target,
) -> Told:
    r"""Give NAME these roles and no others, such as: vareon user roles bea member operator.

    \b
    Examples:
      vareon user roles ada member operator
    """
    changed = _change(instance, "PUT", name, "roles", {"roles": wanted})
    return Told(changed, [f"{name} is {', '.join(wanted)} now"])


@user.command("reset-password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@on_instance
@tells
def reset_password(
    *,
    name: str,
    password_stdin: bool,
    instance: Target,
) -> Told:
    r"""Give NAME another password and sign them out everywhere.

    On the server's own machine this needs no password and no token: whoever may read the
    instance's key is its administrator.

    \b
    Examples:
      vareon user reset-password ada
      vareon user reset-password ada --password-stdin < password.txt
    """
    password, made = _chosen(password_stdin=password_stdin)
    changed = _change(instance, "PUT", name, "password", {"password": password})
    return _with_password(changed, f"{name} has another password now", password, made=made)


def _chosen(*, password_stdin: bool) -> tuple[str, bool]:
    """A password, and whether it was made here."""
    if not password_stdin:
        return new_password(), True
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise click.ClickException("standard input held no password")
    return given, False


def _with_password(account: Any, done: str, password: str, *, made: bool) -> Told:
    """A password that was made here is told; one that was given is known."""
    if not made:
        return Told(account, [done])
    return Told(
        {**account, "password": password},
        [done, f"password: {password}   (shown only this once)"],
    )


def _change(target: Target, method: str, name: str, what: str, body: Any = None) -> Any:
    """Change the account of this name or e-mail."""
    found = ask(target, "GET", f"/api/users?{urlencode({'search': name, 'limit': 1000})}")
    called = [one for one in found if name in (one["username"], one["email"])]
    if not called:
        raise click.ClickException(f"nobody is called '{name}': vareon user list shows them")
    # One account's name may be another's e-mail; the name wins, as it does when signing in.
    account = min(called, key=lambda one: one["username"] != name)
    return ask(target, method, f"/api/users/{account['id']}/{what}", body)
