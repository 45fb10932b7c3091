"""``vareon provider``."""

from __future__ import annotations

import sys
from typing import Any

import click

from web.cli.calling import ask
from web.cli.instance import Target, on_instance
from web.cli.named import named
from web.cli.table import Column, table
from web.cli.telling import Told, tells

_PATH = "/api/cognisys/providers"
_LISTED = "vareon provider list"
_COLUMNS = (
    Column("name", lambda one: one["name"], whole=True),
    Column("address", lambda one: one["base_url"]),
    Column("key", lambda one: one["masked_api_key"] or "none"),
    Column("enabled", lambda one: one["enabled"], colour=lambda one: _colour(one["enabled"])),
    Column("id", lambda one: one["id"], whole=True),
)


@click.group()
def provider() -> None:
    r"""Where models are served.

    \b
    Examples:
      vareon provider list
      vareon provider add openai https://api.openai.com/v1
    """


@provider.command("list")
@click.option("--limit", default=100, show_default=True, help="How many.")
@on_instance
@tells
def list_(*, limit: int, instance: Target) -> Told:
    r"""List providers; of their keys only the ends are shown.

    \b
    Examples:
      vareon provider list
      vareon provider list --json
    """
    found = ask(instance, "GET", f"{_PATH}?limit={limit}")
    return Told(found, table(found, _COLUMNS, empty="no provider is connected"))


@provider.command()
@click.argument("name")
@click.argument("address")
@click.option("--key-stdin", is_flag=True, help="Read the API key from standard input.")
@click.option("--no-key", is_flag=True, help="It needs none; do not ask.")
@click.option("--organization", help="The organization that is billed there.")
@on_instance
@tells
def add(
    *,
    name: str,
    address: str,
    key_stdin: bool,
    no_key: bool,
    organization: str | None,
    instance: Target,
) -> Told:
    r"""Connect the provider at ADDRESS under NAME.

    The API key is asked for without being shown. It is no argument, for other users of this
    machine can see those.

    \b
    Examples:
      vareon provider add openai https://api.openai.com/v1
      vareon provider add openai https://api.openai.com/v1 --key-stdin < key.txt
      vareon provider add local http://127.0.0.1:11434/v1 --no-key
    """
    key = "" if no_key else _key(from_stdin=key_stdin)
    body = {"name": name, "base_url": address, "api_key": key, "organization_id": organization}
    made = ask(instance, "POST", _PATH, body)
    return Told(made, [f"{name} is connected: vareon model add {name} MODEL"])


@provider.command()
@click.argument("name")
@click.option("--rename", help="What it is called from now on.")
@click.option("--address", help="Where it is from now on.")
@click.option("--organization", help="The organization that is billed there.")
@click.option("--key-stdin", is_flag=True, help="Read another API key from standard input.")
@click.option("--ask-key", is_flag=True, help="Ask for another API key, without showing it.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether it is used.")
@on_instance
@tells
def change(
    *,
    name: str,
    rename: str | None,
    address: str | None,
    organization: str | None,
    key_stdin: bool,
    ask_key: bool,
    enabled: bool | None,
    instance: Target,
) -> Told:
    r"""Change the provider called NAME; what is not named stays.

    \b
    Examples:
      vareon provider change openai --disable
      vareon provider change openai --ask-key
    """
    key = _key(from_stdin=key_stdin) if key_stdin or ask_key else None
    wanted = {
        "name": rename,
        "base_url": address,
        "organization_id": organization,
        "api_key": key,
        "enabled": enabled,
    }
    body = {field: value for field, value in wanted.items() if value is not None}
    if not body:
        raise click.UsageError("say what to change, such as --disable")
    changed = ask(instance, "PUT", f"{_PATH}/{find(instance, name)['id']}", body)
    return Told(changed, [f"{changed['name']} is changed"])


@provider.command()
@click.argument("name")
@on_instance
@tells
def remove(*, name: str, instance: Target) -> Told:
    r"""Remove the provider called NAME, with its models.

    \b
    Examples:
      vareon provider remove openai
    """
    found = find(instance, name)
    ask(instance, "DELETE", f"{_PATH}/{found['id']}")
    return Told(found, [f"{found['name']} is gone, and its models"])


def find(target: Target, name: str) -> dict[str, Any]:
    """The provider with this name or id."""
    return named(ask(target, "GET", f"{_PATH}?limit=1000"), name, "name", _LISTED)


def _key(*, from_stdin: bool) -> str:
    if not from_stdin:
        if not _asked():
            raise click.UsageError("nobody can be asked for the key here: use --key-stdin")
        return str(click.prompt("API key", default="", hide_input=True, show_default=False))
    given = sys.stdin.readline().strip()
    if not given:
        raise click.ClickException("standard input held no key")
    return given


def _asked() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _colour(enabled: object) -> str | None:
    return None if enabled else "yellow"
