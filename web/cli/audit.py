"""``vareon audit``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from web.cli.calling import ask
from web.cli.instance import Target, data_dir_option, on_instance, settings_for
from web.cli.table import Column, table
from web.cli.telling import Told, tells

if TYPE_CHECKING:
    from web.services.audit import Verdict

_GOOD = frozenset({"begun", "done"})
_COLUMNS = (
    Column("number", lambda one: one["number"], right=True),
    Column("at", lambda one: one["at"], whole=True),
    Column("who", lambda one: one["username"] or one["user_id"] or one["kind"]),
    Column("action", lambda one: one["action"], whole=True),
    Column(
        "result",
        lambda one: one["result"],
        whole=True,
        colour=lambda one: None if one["result"] in _GOOD else "red",
    ),
    Column("target", lambda one: one["target"], whole=True),
    Column("detail", lambda one: one["detail"]),
    Column("from", lambda one: one["ip"], whole=True),
)


@click.group()
def audit() -> None:
    r"""Who did what to which thing from where.

    \b
    Examples:
      vareon audit list
      vareon audit verify
    """


@audit.command("list")
@click.option("--limit", default=100, show_default=True, help="How many, the newest first.")
@click.option("--user", "user_id", help="Only what the account with this id did.")
@click.option("--action", help="Only this, such as user.roles or session.sign_in.")
@click.option("--target", help="Only what was done to this, such as role/ID.")
@on_instance
@tells
def list_(
    *,
    limit: int,
    user_id: str | None,
    action: str | None,
    target: str | None,
    instance: Target,
) -> Told:
    r"""List entries.

    \b
    Examples:
      vareon audit list --user 019a… --limit 20
      vareon audit list --action user.roles --json
    """
    wanted = {"limit": limit, "user_id": user_id, "action": action, "target": target}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    found = ask(instance, "GET", f"/api/system/audit?{query}")
    return Told(found, table(found, _COLUMNS, empty="nothing of that was written down"))


@audit.command()
@click.option("--expect", metavar="HASH", help="A hash noted earlier, which must be in the chain.")
@data_dir_option
@tells
def verify(*, expect: str | None, data_dir: Path | None) -> Told:
    r"""Walk the whole log on this machine; fails if an entry was changed, removed or added.

    \b
    Examples:
      vareon audit verify
      vareon audit verify --expect HASH
    """
    verdict, found = asyncio.run(_verify(settings_for(data_dir).database_url, expect))
    problem = verdict.problem or ("" if found else f"no entry has the hash {expect}")
    value = {"entries": verdict.entries, "head": verdict.head, "problem": problem or None}
    if problem:
        return Told(value, [f"the audit log does not hold: {problem}"], failed=True)
    newest = f"newest: {verdict.head}   (note it elsewhere, and give it to --expect later)"
    return Told(value, [f"{verdict.entries:,} entries hold", newest])


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
