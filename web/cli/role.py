"""``vareon role``."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from web.cli.calling import ask
from web.cli.instance import Target, on_instance
from web.cli.named import named
from web.cli.table import Column, table
from web.cli.telling import Told, tells

_LISTED = "vareon role list"
_COLUMNS = (
    Column("name", lambda one: one["name"], whole=True),
    Column("kind", lambda one: "built in" if one["builtin"] else "yours"),
    Column("description", lambda one: one["description"]),
    Column("allows", lambda one: one["permissions"]),
)


def complete_role(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The built-in ones; asking the server at each key would be slow."""
    from web.services.policy import ROLES

    return [CompletionItem(name) for name in ROLES if name.startswith(begun)]


def _complete_permission(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from web.services.policy import PERMISSIONS

    return [
        CompletionItem(name, help=meaning)
        for name, meaning in PERMISSIONS.items()
        if name.startswith(begun)
    ]


@click.group()
def role() -> None:
    r"""Roles, and what they allow.

    \b
    Examples:
      vareon role list
      vareon role add auditor --allow system:audit
    """


@role.command("list")
@on_instance
@tells
def list_(*, instance: Target) -> Told:
    r"""List them, the built-in ones first.

    \b
    Examples:
      vareon role list
      vareon role list --json
    """
    found = ask(instance, "GET", "/api/roles")
    return Told(found, table(found, _COLUMNS, empty="there is no role"))


@role.command()
@click.argument("name")
@on_instance
@tells
def show(*, name: str, instance: Target) -> Told:
    r"""Show all that the role called NAME allows.

    \b
    Examples:
      vareon role show operator
    """
    found = named(ask(instance, "GET", "/api/roles"), name, "name", _LISTED)
    return Told(found, [found["name"], *(f"  {one}" for one in found["permissions"])])


@role.command()
@click.argument("name")
@click.option(
    "--allow",
    "permissions",
    multiple=True,
    metavar="PERMISSION",
    help="May be repeated.",
    shell_complete=_complete_permission,
)
@click.option("--description", default="", help="What it is for.")
@on_instance
@tells
def add(*, name: str, permissions: tuple[str, ...], description: str, instance: Target) -> Told:
    r"""Make a role called NAME.

    \b
    Examples:
      vareon role add auditor --allow system:audit
      vareon role add guest --description "only looks" --allow models:read
    """
    body = {"name": name, "permissions": permissions, "description": description}
    made = ask(instance, "POST", "/api/roles", body)
    return Told(made, [f"{name} may be given now: vareon user roles SOMEBODY {name}"])


@role.command()
@click.argument("name")
@on_instance
@tells
def remove(*, name: str, instance: Target) -> Told:
    r"""Delete the role called NAME and take it from whoever holds it.

    \b
    Examples:
      vareon role remove auditor
    """
    found = named(ask(instance, "GET", "/api/roles"), name, "name", _LISTED)
    ask(instance, "DELETE", f"/api/roles/{found['id']}")
    return Told(found, [f"{name} is gone"])
