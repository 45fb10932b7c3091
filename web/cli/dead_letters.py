"""``vareon dead-letters``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import click

from web.cli.calling import call
from web.cli.instance import data_dir_option, target_of, token_option, url_option

_PATH = "/api/system/dead-letters"

Command = Callable[..., None]


def _where(command: Command) -> Command:
    return data_dir_option(url_option(token_option(command)))


@click.group("dead-letters")
def dead_letters() -> None:
    """Messages that were given up on."""


@dead_letters.command("list")
@click.option("--limit", default=100, show_default=True, help="How many, the newest first.")
@_where
def list_(*, limit: int, data_dir: Path | None, url: str | None, given_token: str | None) -> None:
    """List them."""
    target = target_of(url, given_token, data_dir)
    found = asyncio.run(call(target, "GET", f"{_PATH}?limit={limit}"))
    for letter in found:
        click.echo(
            f"{letter['id']}  {letter['given_up_at']}  {letter['entity']}  {letter['message']}  "
            f"{letter['code']}: {letter['reason']}"
        )
    if not found:
        click.echo("no message was given up on")


@dead_letters.command()
@click.argument("letter")
@_where
def show(*, letter: str, data_dir: Path | None, url: str | None, given_token: str | None) -> None:
    """Show LETTER, given by its id, with its body."""
    target = target_of(url, given_token, data_dir)
    found = asyncio.run(call(target, "GET", f"{_PATH}/{letter}"))
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@dead_letters.command()
@click.argument("letter")
@_where
def redrive(
    *, letter: str, data_dir: Path | None, url: str | None, given_token: str | None
) -> None:
    """Send LETTER to its entity again, once; an effect is started again, a flow goes on."""
    target = target_of(url, given_token, data_dir)
    done = asyncio.run(call(target, "POST", f"{_PATH}/{letter}/redrive"))
    click.echo(f"sent again to {done['sent_to']}")


@dead_letters.command()
@click.argument("letter")
@_where
def discard(
    *, letter: str, data_dir: Path | None, url: str | None, given_token: str | None
) -> None:
    """Give LETTER up for good."""
    target = target_of(url, given_token, data_dir)
    asyncio.run(call(target, "DELETE", f"{_PATH}/{letter}"))
    click.echo("discarded")
