"""Finding things by their words. Each kind of thing joins by its entry in `KINDS`.

Its migration makes the rows findable (`vareon_runtime.migrations.searchable`); the index is kept in
the transaction that writes them, so what has been acknowledged can be found.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from sqlalchemy import text

from web.caller import Caller
from web.schemas.search import SearchHit, SearchQuery
from web.services import policy
from web.services.accounts import Rows

KINDS: dict[str, str] = {
    "conversation": policy.READ_CHAT,
    "message": policy.READ_CHAT,
    "llm_model": policy.READ_MODELS,
    "llm_provider": policy.READ_MODELS,
    "user": policy.CREATE_ACCOUNT,
}
"""What can be found, and the permission that seeing it takes."""

MOST_WORDS = 12
_WORD = re.compile(r"\w+")
_FIND = text(
    "SELECT d.kind, d.id, d.title, d.facts, d.updated_at,"
    " snippet(search_index, 2, '', '', '…', 16) AS part"
    " FROM search_index JOIN search_documents d ON d.number = search_index.rowid"
    " WHERE search_index MATCH :match AND d.kind IN (SELECT value FROM json_each(:kinds))"
    # a word of a title counts as much as eight of a body
    " ORDER BY bm25(search_index, 0.0, 8.0, 1.0), d.updated_at DESC,"
    " d.number LIMIT :limit OFFSET :skip"
)


class Search:
    """Looks through everything that a caller may see."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def find(self, caller: Caller, asked: SearchQuery) -> list[SearchHit]:
        """What has all the words, the best first; nothing if there is no word among them."""
        words = _WORD.findall(asked.query)[:MOST_WORDS]
        kinds = [
            kind
            for kind, permission in KINDS.items()
            if permission in caller.permissions and asked.type in (None, kind)
        ]
        if not words or not kinds:
            return []
        parameters = {
            "match": _match(words, caller),
            "kinds": msgspec.json.encode(kinds).decode(),
            "limit": asked.limit,
            "skip": asked.skip,
        }
        return [_hit(row) for row in await self._rows.rows(_FIND.bindparams(**parameters))]


def _match(words: list[str], caller: Caller) -> str:
    """An expression of FTS5; the scope is a word of it, so others' things are not looked at."""
    wanted = " AND ".join(f'"{word}"*' for word in words)
    found = f"{{title body}} : ({wanted})"
    if policy.SEARCH_ALL in caller.permissions:
        return found
    own = "o" + caller.user_id.replace("-", "")
    return f'(scope : "all" OR scope : "{own}") AND ({found})'


def _hit(row: Any) -> SearchHit:
    facts = msgspec.json.decode(row.facts)
    fields = {
        "type": row.kind,
        "id": row.id,
        "name": row.title or row.part,
        "updated_at": row.updated_at,
    }
    return msgspec.convert(fields | facts, SearchHit)
