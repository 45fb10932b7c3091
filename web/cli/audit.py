"""``vareon audit``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from web.cli.calling import call
from web.cli.instance import (
    data_dir_option,
    settings_for,
    target_of,
    token_option,
    url_option,
)

if TYPE_CHECKING:
    from web.services.audit import Verdict


@click.group()
def audit() -> None:
    """Who did what to which thing from where."""


@audit.command("list")
@click.option("--limit", default=100, show_default=True, help="How many, the newest first.")
@click.option("--user", "user_id", help="Only what the account with this id did.")
@click.option("--action", help="Only this, such as user.roles or session.sign_in.")
@click.option("--target", help="Only what was done to this, such as role/ID.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@data_dir_option
@url_option
@token_option
def list_(
    *,
    limit: int,
    user_id: str | None,
    action: str | None,
    target: str | None,
    as_json: bool,
    data_dir: Path | None,
    url: str | None,
    given_token: str | None,
) -> None:
    """List entries."""
    wanted = {"limit": limit, "user_id": user_id, "action": action, "target": target}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    there = target_of(url, given_token, data_dir)
    for entry in asyncio.run(call(there, "GET", f"/api/system/audit?{query}")):
        if as_json:
            click.echo(json.dumps(entry, ensure_ascii=False))
            continue
        who = entry["username"] or entry["user_id"] or entry["kind"]
        parts = (entry["target"], entry["detail"], entry["ip"])
        told = "  ".join(part for part in parts if part)
        click.echo(
            f"{entry['number']:>6}  {entry['at']}  {who}  {entry['action']}  {entry['result']}"
            f"  {told}"
        )


@audit.command()
@click.option("--expect", metavar="HASH", help="A hash noted earlier, which must be in the chain.")
@data_dir_option
def verify(*, expect: str | None, data_dir: Path | None) -> None:
    """Walk the whole log on this machine; fails if an entry was changed, removed or added."""
    verdict, found = asyncio.run(_verify(settings_for(data_dir).database_url, expect))
    if verdict.problem:
        click.echo(f"the audit log does not hold: {verdict.problem}", err=True)
        sys.exit(1)
    if not found:
        click.echo(f"the audit log does not hold: no entry has the hash {expect}", err=True)
        sys.exit(1)
    click.echo(f"{verdict.entries:,} entries hold")
    click.echo(f"newest: {verdict.head}   (note it elsewhere, and give it to --expect later)")


async def _verify(database_url: str, expect: str | None) -> tuple[Verdict, bool]:
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from vareon_runtime.models import AuditRow
    from vareon_runtime.storage.database import Database
    from web.services.audit import verify as walk

    database = Database(database_url)
    try:
        verdict = await walk(database)
        known = select(AuditRow.number).where(AuditRow.hash == expect).limit(1)
        return verdict, expect is None or bool(await database.rows(known))
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"the database cannot be read ({error}): start Vareon once on this data dir"
        ) from None
    finally:
        await database.close()
