"""``kill -9`` of everything: no administrative change that was confirmed is missing in the log."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.running import RunningVareon

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

BEFORE_THE_KILL = 5


def test_what_was_confirmed_is_written_down(vareon: RunningVareon) -> None:
    """And each role that exists was announced, confirmed or not."""
    token, confirmed = vareon.admin_token(), []
    over = threading.Event()

    def make_roles() -> None:
        number = 0
        while not over.is_set():
            number += 1
            body = {"name": f"role{number}", "permissions": ["system:read"]}
            status, made = vareon.request("POST", "/api/roles", body, token)
            if status == 201:
                confirmed.append(made["id"])

    making = threading.Thread(target=make_roles)
    making.start()
    while len(confirmed) < BEFORE_THE_KILL:
        time.sleep(0.01)
    vareon.kill_everything()
    over.set()
    making.join()
    vareon.start()

    token = vareon.admin_token()
    _, entries = vareon.get("/api/system/audit?action=role.create&limit=1000", token)
    done = {entry["target"] for entry in entries if entry["result"] == "done"}
    assert {f"role/{role_id}" for role_id in confirmed} <= done
    begun = sum(1 for entry in entries if entry["result"] == "begun")
    _, roles = vareon.get("/api/roles", token)
    assert sum(1 for role in roles if not role["builtin"]) <= begun
    checked = vareon.command("audit", "verify")
    assert (checked.returncode, "entries hold" in checked.stdout) == (0, True), checked.stderr
    reset = vareon.command("user", "reset-password", "admin")
    assert (reset.returncode, "another password" in reset.stdout) == (0, True), reset.stderr
