"""Whom commands on the server's own machine speak as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vareon_runtime.config import Settings


async def administrator(settings: Settings, first: str) -> tuple[str, int]:
    """An active administrator, and the version of their tokens that counts now.

    It is the first one while that account is there and may still do everything, and whoever may
    otherwise: an installation cannot be without.

    Args:
        settings: Those of the instance.
        first: The id that the first start gave its administrator.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from vareon_runtime.storage.database import Database

    if _is_new(settings):
        return first, 0
    database = Database(settings.database_url)
    try:
        rows = await database.rows(_administrators(first))
    except SQLAlchemyError:
        return first, 0
    finally:
        await database.close()
    return (str(rows[0].id), int(rows[0].token_version)) if rows else (first, 0)


def _is_new(settings: Settings) -> bool:
    kind, _, path = settings.database_url.partition(":///")
    return kind == "sqlite" and not Path(path).exists()


def _administrators(first: str) -> Any:
    from sqlalchemy import select

    from vareon_runtime.models import UserRoleRow, UserRow
    from web.services.policy import ADMIN

    return (
        select(UserRow.id, UserRow.token_version)
        .join(UserRoleRow, UserRoleRow.user_id == UserRow.id)
        .where(UserRoleRow.role == ADMIN)
        .where(UserRow.is_active.is_(True), UserRow.is_verified.is_(True))
        .order_by(UserRow.id != first, UserRow.created_at, UserRow.id)
        .limit(1)
    )
