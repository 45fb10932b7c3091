"""``vareon trace``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import click

from web.cli.calling import call
from web.cli.instance import data_dir_option, target_of, token_option, url_option
from web.cli.steps import duration, line, moment


@click.command()
@click.argument("trace_id")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
@data_dir_option
@url_option
@token_option
def trace(
    *,
    trace_id: str,
    as_json: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    r"""Show the messages of TRACE_ID as a tree, with the time that each took.

    The trace id of a request is in the X-Trace-Id of its answer.

    \b
    Examples:
      vareon trace 019a3f6e7c1b7d209f7a5b1f6f0c2d11
      vareon trace 019a3f6e7c1b7d209f7a5b1f6f0c2d11 --json
    """
    target = target_of(url, given_token, data_dir)
    found = asyncio.run(call(target, "GET", f"/api/system/traces/{quote(trace_id, safe='')}"))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    count = len(found["messages"])
    click.echo(
        f"trace {found['id']}: {count} message{'s' if count != 1 else ''} "
        f"in {duration(found['took_ms'])} from {moment(found['began_at'])}"
    )
    for step in found["messages"]:
        click.echo(line(step, found))
    if found["cut"]:
        click.echo("there are more, which are not shown")
