"""The migration step: a process of its own, so that what it imports ends with it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from vareon_runtime.cluster.death import die_with_parent
from vareon_runtime.errors import ConfigurationError

_FAILED = 2
_ENTITIES = 3
_NICENESS = 10
"""Ray takes longer to start than this; what it needs of the processors comes first."""


async def migrate(database_url: str, entities: Sequence[str] = ()) -> None:
    """Bring the database's tables up to date, and make those that these modules declare.

    Raises:
        ConfigurationError: With the reason, if that is not possible.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "vareon_runtime.launch.schema",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    _, said = await process.communicate("\n".join((database_url, *entities)).encode())
    if process.returncode:
        reason = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        if process.returncode == _ENTITIES:
            raise ConfigurationError(f"{reason[0][:500]} (VAREON_ENTITIES)")
        raise ConfigurationError(
            f"The database cannot be prepared ({reason[0][:300]}): correct VAREON_DATABASE_URL, "
            "or put back a backup."
        )


def main() -> int:
    """Migrate the database whose address, and entity modules, are read from standard input."""
    from vareon_runtime.migrations.run import migrate as migrate_now

    die_with_parent()
    os.nice(_NICENESS)
    logging.basicConfig(level=logging.ERROR)
    database_url, *entities = sys.stdin.read().strip().splitlines()
    try:
        migrate_now(database_url)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent shows it as one line
        reason = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
        sys.stderr.write(reason[0] + "\n")
        return _FAILED
    return _make_tables(database_url, entities) if entities else 0


def _make_tables(database_url: str, entities: Sequence[str]) -> int:
    from vareon_runtime.migrations.own_tables import declare, make_tables

    try:
        declare(entities)
        make_tables(database_url)
    except ConfigurationError as error:
        sys.stderr.write(f"{error.detail}\n")
        return _ENTITIES
    return 0


if __name__ == "__main__":
    sys.exit(main())
