"""What each process loads: heavy things stay out of the ones that must start quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("alembic", "click", "cryptography", "fastapi", "pydantic_settings", "ray")


@pytest.mark.parametrize(
    ("process", "module", "unwanted"),
    [
        ("host", "actors.bootstrap", (*HEAVY, "pydantic", "bcrypt", "jwt")),
        (
            "router",
            "vareon_runtime.routing.bootstrap",
            (*HEAVY, "pydantic", "bcrypt", "jwt", "aiosqlite", "sqlalchemy", "aiohttp"),
        ),
        # PyJWT loads cryptography wherever it is installed
        ("front door", "web.bootstrap", tuple(n for n in HEAVY if n != "cryptography")),
        ("parent", "vareon_runtime.launch.supervision", ("alembic", "ray", "sqlalchemy")),
    ],
)
def test_a_process_loads_only_what_it_needs(
    process: str, module: str, unwanted: tuple[str, ...]
) -> None:
    check = (
        f"import sys, {module}; print(' '.join(sorted({{n.partition('.')[0]"
        " for n in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True, timeout=60
    )
    found = set(done.stdout.split()) & set(unwanted)
    assert not found, f"the {process} loads {', '.join(sorted(found))}"
