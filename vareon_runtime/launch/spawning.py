"""Starting a driver: the first thing that a start does, so this imports next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

from vareon_runtime.cluster import INSTANCE_MARK

_KEPT_FROM_CHILDREN = frozenset(
    {"VAREON_ADMIN_PASSWORD", "VAREON_DATABASE_URL", "VAREON_TOKEN", "RAY_ADDRESS"}
)
_RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # The raylet tries its own object store's socket, often too early, and then sleeps a second:
    # the same patience in shorter pauses
    "RAY_raylet_client_connect_timeout_milliseconds": "50",
    "RAY_raylet_client_num_connect_attempts": "200",
    # process titles must not overwrite the environment, where the mark of this start is read
    "SPT_NOENV": "1",
}


def spawn(instance: str) -> subprocess.Popen[bytes]:
    """Start a driver; it imports Ray while it waits for its settings.

    It has a session of its own, so that Ctrl-C in the terminal reaches the parent alone.
    """
    environment = {key: v for key, v in os.environ.items() if key not in _KEPT_FROM_CHILDREN}
    environment.update(_RAY_ENVIRONMENT)
    environment[INSTANCE_MARK] = instance
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vareon_runtime.cluster.driver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
