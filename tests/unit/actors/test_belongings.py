"""Whatever names its user is exported with the account and deleted with it."""

from __future__ import annotations

from actors.accounts.closing import DELETIONS
from actors.registry import ENTITIES
from vareon_runtime.models import BELONGINGS
from vareon_runtime.storage.base import Base

WITH_THE_ACCOUNT = {"user_logins", "user_roles"}
"""Part of the account itself: they go with its row."""
STAYS = {"audit_log"}
"""Who did what is the operator's to know, also of people who have left; nothing of it changes."""


def test_every_table_that_names_a_user_is_known() -> None:
    """A new kind of thing joins the registry, or says here why not."""
    known = {one.row.__tablename__ for one in BELONGINGS}
    known |= {part.row.__tablename__ for one in BELONGINGS for part in one.parts}
    named = {
        name
        for name, table in Base.metadata.tables.items()
        if {"user_id", "owner_id"} & set(table.columns.keys())
    }
    assert named - known - WITH_THE_ACCOUNT - STAYS == set()


def test_every_kind_of_them_knows_how_to_go() -> None:
    """And the entity handles that message."""
    handlers = {klass.handlers.kind: klass.handlers.messages for klass in ENTITIES}
    assert set(DELETIONS) == {one.kind for one in BELONGINGS}
    for kind, message in DELETIONS.items():
        assert type(message()).__name__ in handlers[kind]
