"""``vareon chat``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import SystemRandom

import click

from vareon_runtime.clock import SystemClock
from vareon_runtime.identity import IdSource
from web.cli.instance import data_dir_option, target_of, token_option, url_option


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.option("--conversation", help="Go on with this conversation instead of a new one.")
@data_dir_option
@url_option
@token_option
def chat(
    *,
    text: tuple[str, ...],
    conversation: str | None,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    r"""Say TEXT and watch the answer come.

    \b
    Examples:
      vareon chat "hello"
      vareon chat --conversation 019a… "go on"
    """
    from web.cli.chat_socket import converse

    target = target_of(url, given_token, data_dir)
    ids = IdSource(SystemClock(), SystemRandom())
    conversation = conversation or ids.text_id()
    failure = asyncio.run(converse(target, conversation, ids.text_id(), " ".join(text)))
    if failure:
        raise click.ClickException(failure)
    if sys.stderr.isatty():
        click.echo(f"(go on with: --conversation {conversation})", err=True)
