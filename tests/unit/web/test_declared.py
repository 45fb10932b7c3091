"""A route that says nothing of who may use it stops the server from starting."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.web.fake_bus import FakeSystem
from vareon_runtime.errors import ConfigurationError
from web.app import build_app
from web.cross_origin import CrossOrigin
from web.lasting import Lasting
from web.routes import Route


async def handler(request: Any) -> Any:
    raise AssertionError("nobody gets here")


@pytest.mark.parametrize("permission", ["", "king:rule", "admin", "PUBLIC"])
def test_a_permission_that_does_not_exist(permission: str) -> None:
    """Neither a role, nor nothing, nor a slip of the pen is one."""
    fake, route = FakeSystem(), Route("GET", "/api/open", permission, handler)
    with pytest.raises(ConfigurationError, match="GET /api/open declares no known permission"):
        build_app(
            [route],
            None,  # type: ignore[arg-type]
            fake.readiness,
            fake.keyed,
            fake.admission,
            Lasting(),
            fake.quotas,
            CrossOrigin(),
        )


def test_none_at_all() -> None:
    """It cannot even be written."""
    with pytest.raises(TypeError, match="permission"):
        Route("GET", "/api/open", handler=handler)  # type: ignore[call-arg]
