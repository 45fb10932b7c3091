"""Reading what the database holds of effects and flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table

from vareon_runtime.hosting.effect_life import SIGNALS
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.ports import EffectRecord, Store
from vareon_runtime.storage.tables import EffectRow

EFFECTS: Table = EffectRow.__table__  # type: ignore[assignment]
CHUNK = 100
ROWS_LIMIT = 500_000


def find_effects(store: Store, effect_ids: Sequence[bytes]) -> dict[bytes, EffectRecord]:
    """Those of the effects that are not over. In memory as in SQL, so stores need no more."""
    found = {}
    for at in range(0, len(effect_ids), CHUNK):
        where = {"effect_id": list(effect_ids[at : at + CHUNK])}
        for row in store.find(EFFECTS, where):
            found[row["effect_id"]] = EffectRecord(
                row["effect_id"],
                EntityId(row["kind"], row["key"]),
                row["shard"],
                row["name"],
                row["attempts"],
                row["call"],
            )
    return found


def find_signals(store: Store, effect_ids: Sequence[bytes]) -> dict[bytes, list[dict[str, Any]]]:
    """The signals that wait for each flow, and who was cancelled."""
    found: dict[bytes, list[dict[str, Any]]] = {}
    for at in range(0, len(effect_ids), CHUNK):
        where = {"effect_id": list(effect_ids[at : at + CHUNK])}
        for row in store.find(SIGNALS, where, limit=ROWS_LIMIT):
            found.setdefault(row["effect_id"], []).append(row)
    return found
