"""Pages: parameters are checked, cursors go on exactly where the page before ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import MultiDict
from sqlalchemy import create_engine, insert, select

from vareon_runtime.errors import InvalidMessage
from vareon_runtime.models import LlmProviderRow
from web.bodies import read_query
from web.schemas.paging import PageQuery
from web.services.paging import Page


def _asked(query: Mapping[str, str], sorted_by: type = datetime) -> Page:
    """As a route that declares its parameters reads them."""
    request = make_mocked_request("GET", "/?" + urlencode(list(query.items())))
    return Page.asked(read_query(request, PageQuery), sorted_by)


@pytest.mark.parametrize(
    "query",
    [
        {"skip": "-1"},
        {"skip": "1.5"},
        {"skip": "٣"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "9" * 400},
        {"cursor": "nonsense"},
        {"cursor": ""},
        {"cursor": "WzEsMl0"},
        {"cursor": "eyJhIjoxfQ"},
        {"offset": "1"},
    ],
)
def test_nonsense_is_refused(query: dict[str, str]) -> None:
    """Each with a sentence that names the parameter."""
    with pytest.raises(InvalidMessage):
        _asked(query)


def test_a_parameter_given_twice_is_refused() -> None:
    """Nobody knows which one counts."""
    with pytest.raises(InvalidMessage):
        _asked(MultiDict([("skip", "1"), ("skip", "2")]))


@pytest.mark.parametrize("newest_first", [False, True])
def test_cursors_walk_over_every_row_once(newest_first: bool) -> None:
    """Also where many rows carry the same time, and while rows are added."""
    engine = create_engine("sqlite://")
    table: Any = LlmProviderRow.__table__
    table.create(engine)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def row(number: int) -> dict[str, Any]:
        moment = start + timedelta(seconds=number // 3)
        return {
            "id": f"{number:04}",
            "name": f"name {number}",
            "base_url": "http://x",
            "enabled": True,
            "api_key_encrypted": "",
            "masked_api_key": "",
            "created_at": moment,
            "updated_at": moment,
        }

    with engine.begin() as connection:
        connection.execute(insert(table), [row(number) for number in range(25)])
        seen, query = [], {"limit": "4"}
        while True:
            page = _asked(query)
            statement = select(LlmProviderRow.id, LlmProviderRow.created_at)
            rows = list(
                connection.execute(
                    page.of(
                        statement,
                        LlmProviderRow.created_at,
                        LlmProviderRow.id,
                        newest_first=newest_first,
                    )
                )
            )
            kept, cursor = page.cut(rows, "created_at")
            seen += [found.id for found in kept]
            if cursor is None:
                break
            query = {"limit": "4", "cursor": cursor}
    engine.dispose()
    expected = [f"{number:04}" for number in range(25)]
    assert seen == (expected[::-1] if newest_first else expected)


def test_a_cursor_of_another_list_is_refused() -> None:
    """A position is no time."""
    rows = [SimpleNamespace(position=1, id="a"), SimpleNamespace(position=2, id="b")]
    _, cursor = Page(0, 1).cut(rows, "position")
    assert cursor is not None
    assert _asked({"cursor": cursor}, sorted_by=int).after == (1, "a")
    with pytest.raises(InvalidMessage):
        _asked({"cursor": cursor})
