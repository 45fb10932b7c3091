"""``vareon explain``."""

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
@click.argument("message")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
@data_dir_option
@url_option
@token_option
def explain(
    *,
    message: str,
    as_json: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    r"""Say what became of MESSAGE, given by its id, or where it is.

    \b
    Examples:
      vareon explain 019a3f6e-7c1b-7d20-9f7a-5b1f6f0c2d11
      vareon explain 019a3f6e7c1b7d209f7a5b1f6f0c2d11 --json
    """
    target = target_of(url, given_token, data_dir)
    path = f"/api/system/messages/{quote(message, safe='')}"
    found = asyncio.run(call(target, "GET", path))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(click.style(found["summary"], fg=colour_of(found["state"])))
    for name, told in _lines(found):
        if told not in (None, ""):
            click.echo(f"  {name:<11} {told}")
    if found["followed_by"]:
        click.echo("  it led to")
    for step in found["followed_by"]:
        state = click.style(f"{step['state']:<10}", fg=colour_of(step["state"]))
        remark = f"  {step['remark']}" if step["remark"] else ""
        click.echo(f"    {step['id']}  {state}  {step['message']} → {step['entity']}{remark}")


def _lines(found: dict[str, Any]) -> list[tuple[str, Any]]:
    owner, reply, letter = found["owner"], found["reply"], found["letter"]
    return [
        ("message", found["id"]),
        ("trace", found["trace_id"]),
        ("set in", found["set_in"]),
        ("state", found["state"]),
        ("from", found["sender"] or _user(found)),
        ("for user", _user(found) if found["sender"] else None),
        ("led here by", found["parent"]),
        ("passed on", ", ".join(moment(passed) for passed in found["passed"])),
        ("waited", duration(found["waited_ms"])),
        ("ran", duration(found["ran_ms"])),
        ("began", moment(found["began_at"])),
        ("committed", moment(found["committed_at"])),
        ("attempts", found["attempts"]),
        ("killed", f"{found['killed']} hosts" if found["killed"] else None),
        ("epoch", found["epoch"]),
        ("owner now", f"{owner['host']}, epoch {owner['epoch']}, shard {owner['shard']}"),
        ("why", found["remark"]),
        ("reply", _reply(reply) if reply else None),
        ("given up", f"{letter['code']}: {letter['reason']}" if letter else None),
        ("known from", _KNOWN[found["known_from"]]),
    ]


_KNOWN = {
    "rows": "its row",
    "memory": "the memory of its host; it is stored nowhere and will be forgotten",
}


def _user(found: dict[str, Any]) -> str:
    return f"user {found['user_id']}" if found["user_id"] else "the system"


def _reply(reply: dict[str, Any]) -> str:
    if reply["code"]:
        return f"{reply['code']}: {reply['detail']}"
    return f"{reply['bytes']:,} bytes"
