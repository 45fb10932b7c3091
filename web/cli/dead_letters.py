"""``vareon dead-letters``."""

from __future__ import annotations

import json

import click

from web.cli.calling import ask
from web.cli.instance import Target, on_instance
from web.cli.table import Column, table
from web.cli.telling import Told, tells

_PATH = "/api/system/dead-letters"
_COLUMNS = (
    Column("id", lambda one: one["id"], whole=True),
    Column("given up at", lambda one: one["given_up_at"], whole=True),
    Column("entity", lambda one: one["entity"], whole=True),
    Column("message", lambda one: one["message"]),
    Column("code", lambda one: one["code"], whole=True, colour=lambda _one: "red"),
    Column("reason", lambda one: one["reason"]),
)


@click.group("dead-letters")
def dead_letters() -> None:
    r"""Messages that were given up on.

    \b
    Examples:
      vareon dead-letters list
    """


@dead_letters.command("list")
@click.option("--limit", default=100, show_default=True, help="How many, the newest first.")
@on_instance
@tells
def list_(*, limit: int, instance: Target) -> Told:
    r"""List them.

    \b
    Examples:
      vareon dead-letters list
      vareon dead-letters list --limit 5 --json
    """
    found = ask(instance, "GET", f"{_PATH}?limit={limit}")
    return Told(found, table(found, _COLUMNS, empty="no message was given up on"))


@dead_letters.command()
@click.argument("letter")
@on_instance
@tells
def show(*, letter: str, instance: Target) -> Told:
    r"""Show LETTER, given by its id, with its body.

    \b
    Examples:
      vareon dead-letters show 019a3f6e-7c1b-7d20-9f7a-5b1f6f0c2d11
    """
    found = ask(instance, "GET", f"{_PATH}/{letter}")
    return Told(found, [json.dumps(found, indent=2, ensure_ascii=False)])


@dead_letters.command()
@click.argument("letter")
@on_instance
@tells
def redrive(*, letter: str, instance: Target) -> Told:
    r"""Send LETTER to its entity again, once; an effect starts again, a flow goes on.

    \b
    Examples:
      vareon dead-letters redrive 019a3f6e-7c1b-7d20-9f7a-5b1f6f0c2d11
    """
    done = ask(instance, "POST", f"{_PATH}/{letter}/redrive")
    return Told(done, [f"sent again to {done['sent_to']}"])


@dead_letters.command()
@click.argument("letter")
@on_instance
@tells
def discard(*, letter: str, instance: Target) -> Told:
    r"""Give LETTER up for good.

    \b
    Examples:
      vareon dead-letters discard 019a3f6e-7c1b-7d20-9f7a-5b1f6f0c2d11
    """
    ask(instance, "DELETE", f"{_PATH}/{letter}")
    return Told({"id": letter, "discarded": True}, ["discarded"])
