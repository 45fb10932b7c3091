"""The process behind ``vareon up``: light, long-lived, and never Ray's.

It owns the listening socket from its first second to its last, so no client ever finds the port
closed: it answers itself until a front door asks for the socket, and again whenever the whole
Ray side has to be started anew.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from vareon_runtime.launch.spawning import spawn

EXIT_WRONG = 2


def run(flags: dict[str, Any]) -> int:
    """Start everything, stay until told to stop, and return the exit code.

    Args:
        flags: What the command line said, by setting name.
    """
    began = time.monotonic()
    instance = os.urandom(8).hex()
    driver = spawn(instance)  # Ray's import takes longest: it begins before our own do
    with _ended_unless_handed_over(driver) as handed_over:
        from vareon_runtime.errors import ConfigurationError
        from vareon_runtime.launch.preparation import prepare

        try:
            prepared = prepare(flags, instance)
        except ConfigurationError as error:
            sys.stderr.write(f"vareon: {error.detail}\n")
            return EXIT_WRONG
        with prepared.undo:
            import asyncio

            from vareon_runtime.launch.supervision import Supervision

            handed_over.append(True)
            return asyncio.run(Supervision(prepared, began).run(driver))


@contextlib.contextmanager
def _ended_unless_handed_over(driver: subprocess.Popen[bytes]) -> Iterator[list[bool]]:
    handed_over: list[bool] = []
    try:
        yield handed_over
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    finally:
        if not handed_over:
            driver.kill()
            driver.wait()
