"""The migration step: a process of its own, so that what it imports ends with it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from vareon_runtime.cluster.death import die_with_parent
from vareon_runtime.errors import ConfigurationError

_FAILED = 2
_NICENESS = 10
"""Ray takes longer to start than this; what it needs of the processors comes first."""


async def migrate(database_url: str) -> None:
    """Bring the database's tables up to date.

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
    _, said = await process.communicate(database_url.encode())
    if process.returncode:
        reason = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise ConfigurationError(
            f"The database cannot be prepared ({reason[0][:300]}): correct VAREON_DATABASE_URL, "
            "or put back a backup."
        )


def main() -> int:
    """Migrate the database whose address is read from standard input."""
    from vareon_runtime.migrations.run import migrate as migrate_now

    die_with_parent()
    os.nice(_NICENESS)
    logging.basicConfig(level=logging.ERROR)
    try:
        migrate_now(sys.stdin.read().strip())
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent shows it as one line
        reason = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
        sys.stderr.write(reason[0] + "\n")
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
