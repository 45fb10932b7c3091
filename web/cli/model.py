"""``vareon model``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from web.cli.calling import ask
from web.cli.instance import Target, on_instance
from web.cli.named import named
from web.cli.provider import find as find_provider
from web.cli.table import Column, table
from web.cli.telling import Told, tells

_PATH = "/api/cognisys/models"
_PREFERENCE = "/api/arcana/llm/preferences"
_LISTED = "vareon model list"
_COLUMNS = (
    Column("name", lambda one: one["model_name"], whole=True),
    Column("provider", lambda one: (one["provider"] or {}).get("name") or one["provider_id"]),
    Column("type", lambda one: one["type"]),
    Column("role", lambda one: one["role"]),
    Column(
        "active",
        lambda one: one["is_active"],
        colour=lambda one: None if one["is_active"] else "yellow",
    ),
    Column("reasoning", lambda one: one["reasoning"]),
    Column("tokens", lambda one: one["max_tokens"], right=True),
    Column("id", lambda one: one["id"], whole=True),
)


@click.group()
def model() -> None:
    r"""Models of providers, and which one answers.

    \b
    Examples:
      vareon model list
      vareon model use gpt-4o
    """


def _traits(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is known of a model, as options."""
    for option in (
        click.option("--cost-per-token", type=float, help="In the currency you count in."),
        click.option("--max-tokens", type=int, help="How long an answer may be."),
        click.option("--role", help="What it is for, in a word of yours."),
        click.option("--type", "type", help="Such as chat."),
    ):
        command = option(command)
    return command


@model.command("list")
@click.option("--limit", default=100, show_default=True, help="How many.")
@on_instance
@tells
def list_(*, limit: int, instance: Target) -> Told:
    r"""List the models of all providers.

    \b
    Examples:
      vareon model list
      vareon model list --json
    """
    found = ask(instance, "GET", f"{_PATH}?limit={limit}")
    return Told(found, table(found, _COLUMNS, empty="there is no model"))


@model.command()
@click.argument("provider")
@click.argument("name")
@click.option("--reasoning", is_flag=True, help="It thinks before it answers.")
@_traits
@on_instance
@tells
def add(*, provider: str, name: str, instance: Target, **traits: Any) -> Told:
    r"""Add the model that PROVIDER calls NAME.

    \b
    Examples:
      vareon model add openai gpt-4o
      vareon model add openai o3 --reasoning --max-tokens 100000
    """
    body = {"provider_id": find_provider(instance, provider)["id"], "model_name": name, **traits}
    body = {field: value for field, value in body.items() if value is not None}
    made = ask(instance, "POST", _PATH, body)
    return Told(made, [f"{name} may be used now: vareon model use {name}"])


@model.command()
@click.argument("name")
@click.option("--rename", "model_name", help="What its provider calls it.")
@click.option("--active/--inactive", "is_active", default=None, help="Whether it is used.")
@click.option("--reasoning/--no-reasoning", default=None, help="Whether it thinks first.")
@_traits
@on_instance
@tells
def change(*, name: str, instance: Target, **traits: Any) -> Told:
    r"""Change the model called NAME; what is not named stays.

    \b
    Examples:
      vareon model change gpt-4o --inactive
      vareon model change gpt-4o --max-tokens 16000
    """
    body = {field: value for field, value in traits.items() if value is not None}
    if not body:
        raise click.UsageError("say what to change, such as --inactive")
    changed = ask(instance, "PUT", f"{_PATH}/{_find(instance, name)['id']}", body)
    return Told(changed, [f"{changed['model_name']} is changed"])


@model.command()
@click.argument("name")
@on_instance
@tells
def remove(*, name: str, instance: Target) -> Told:
    r"""Remove the model called NAME.

    \b
    Examples:
      vareon model remove gpt-4o
    """
    found = _find(instance, name)
    ask(instance, "DELETE", f"{_PATH}/{found['id']}")
    return Told(found, [f"{found['model_name']} is gone"])


@model.command()
@click.argument("name")
@on_instance
@tells
def use(*, name: str, instance: Target) -> Told:
    r"""Let the model called NAME answer you: the account whose token this is.

    \b
    Examples:
      vareon model use gpt-4o
      vareon model use gpt-4o --token vk_…
    """
    body = {"default_model_id": _find(instance, name)["id"]}
    chosen = ask(instance, "PUT", _PREFERENCE, body)
    return Told(chosen, [f"{name} answers from now on"])


def _find(target: Target, name: str) -> dict[str, Any]:
    return named(ask(target, "GET", f"{_PATH}?limit=1000"), name, "model_name", _LISTED)
