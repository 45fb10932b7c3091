"""Bodies of roles and permissions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import AfterValidator, Field, WithJsonSchema

from actors.policy import PERMISSIONS
from web.schemas.base import StrictIn


def _known(name: str) -> str:
    if name not in PERMISSIONS:
        raise ValueError(f"'{name[:60]}' is not a permission; GET /api/permissions lists them")
    return name


RoleName = Annotated[str, Field(min_length=1, max_length=40)]
PermissionName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": sorted(PERMISSIONS)})
]
MOST_PERMISSIONS = 200


class RoleIn(StrictIn):
    """A new role."""

    name: RoleName
    permissions: tuple[PermissionName, ...] = Field(max_length=MOST_PERMISSIONS)
    description: str = Field(default="", max_length=200)


class RoleChange(StrictIn):
    """What is to change of a role; what is missing stays as it is."""

    name: RoleName | None = None
    permissions: tuple[PermissionName, ...] | None = Field(
        default=None, max_length=MOST_PERMISSIONS
    )
    description: str | None = Field(default=None, max_length=200)


class PermissionInfo(msgspec.Struct, frozen=True):
    """Something that may be allowed.

    Attributes:
        roles: The built-in roles that allow it.
    """

    name: str
    description: str
    roles: list[str]
