"""``vareon entity``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from web.cli.calling import call
from web.cli.instance import data_dir_option, target_of, token_option, url_option
from web.cli.steps import colour_of, duration, moment


@click.command()
@click.argument("entity_id", metavar="KIND/KEY")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
@data_dir_option
@url_option
@token_option
def entity(
    *,
    entity_id: str,
    as_json: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    r"""Show the entity KIND/KEY: its state, what it is doing, and its recent messages.

    \b
    Examples:
      vareon entity conversation/0f1c2a34-5b6d-7e8f-9012-3456789abcde
      vareon entity routing/default --json
    """
    kind, _, key = entity_id.partition("/")
    if not key:
        raise click.UsageError("give an entity as KIND/KEY, such as routing/default")
    target = target_of(url, given_token, data_dir)
    path = f"/api/system/entities/{quote(kind, safe='')}/{quote(key, safe='')}"
    found = asyncio.run(call(target, "GET", path))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    owner = found["owner"]
    click.echo(click.style(found["entity"], bold=True) + f"  {_life(found)}")
    click.echo(f"  owner      {owner['host']}, epoch {owner['epoch']}, shard {owner['shard']}")
    click.echo(f"  in memory  {_doing(found)}")
    for reminder in found["reminders"]:
        click.echo(f"  reminder   {reminder['name']}, due {moment(reminder['due_at'])}")
    for effect in found["effects"]:
        click.echo(f"  running    {effect['message']}, attempt {effect['attempts']}")
    click.echo("  state")
    shown = json.dumps(found["state"], indent=2, ensure_ascii=False)
    click.echo("\n".join(f"    {one}" for one in shown.splitlines()))
    if found["recent"]:
        click.echo("  recent messages, as its host remembers them")
    for step in found["recent"]:
        state = click.style(f"{step['state']:<8}", fg=colour_of(step["state"]))
        took = duration(step["ran_ms"]) or ""
        click.echo(
            f"    {moment(step['began_at'])}  {step['id']}  {state} {took:>10}  {step['message']}"
        )


def _life(found: dict[str, Any]) -> str:
    if found["deleted"]:
        return "deleted"
    if not found["exists"]:
        return "not stored"
    return f"version {found['version']}, schema {found['schema_version']}"


def _doing(found: dict[str, Any]) -> str:
    if not found["active"]:
        return "no"
    told = f"yes, {found['mailbox']} in its mailbox, {found['uncommitted']} turns not committed"
    if found["running_s"] is not None:
        return f"{told}, a turn runs since {found['running_s']:.2f} s"
    return told
