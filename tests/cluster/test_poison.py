"""A message that ends its host, under Ray: it is set aside, and everybody else goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadly_entity import DEADLY_FILE
from tests.support.running import RunningVareon, wait_for

Record = Callable[[str, object], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

LETTERS = "/api/system/dead-letters"


def test_it_is_set_aside_and_redriven_once_when_cured(
    data_dir: Path, tmp_path: Path, record_property: Record
) -> None:
    """Three hosts end of it; then its callers are refused, and neighbours answer as before."""
    deadly_file = tmp_path / "deadly"
    deadly_file.touch()
    vareon = RunningVareon(
        data_dir,
        flags=("--entities", "tests.support.deadly_entity"),
        environment={DEADLY_FILE: str(deadly_file)},
    )
    with vareon:
        token = vareon.admin_token()

        def tell(key: str, message: str, **fields: object) -> int:
            path = f"/api/entities/deadly/{key}/{message}"
            return vareon.request("POST", path, dict(fields), token)[0]

        def handled(key: str) -> int:
            status, count = vareon.get(f"/api/entities/deadly/{key}/GetHandled", token)
            return count if status == 200 and isinstance(count, int) else 0

        assert tell("other", "Live") == 200
        first = vareon.pid_of("EntityHost")
        assert tell("victim", "Die", how="exit") in (422, 504)

        def set_aside() -> object:
            status, letters = vareon.get(LETTERS, token)
            return letters if status == 200 else None

        letters = wait_for(set_aside, 30)
        assert [letter["code"] for letter in letters] == ["poisoned"]
        assert letters[0]["attempts"] == 3
        assert vareon.pid_of("EntityHost") != first
        assert tell("other", "Live") == 200
        assert tell("victim", "Live") == 200
        deadly_file.unlink()
        again = f"{LETTERS}/{letters[0]['id']}/redrive"
        assert vareon.request("POST", again, {}, token)[0] == 202
        assert vareon.request("POST", again, {}, token)[0] == 404
        wait_for(lambda: handled("victim") == 2, 10)
        assert handled("other") == 2
        assert vareon.get(LETTERS, token)[1] == []
