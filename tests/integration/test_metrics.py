"""Metrics are real numbers with bounded labels, and everything the dashboard shows is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.support.system import InProcessSystem

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "vareon.json"


async def scraped(client: aiohttp.ClientSession) -> dict[str, dict[frozenset[str], float]]:
    async with client.get("/metrics") as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"].startswith("text/plain")
        text = await response.text()
    found: dict[str, dict[frozenset[str], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.values())] = sample.value
    return found


async def test_what_happens_is_counted(system: InProcessSystem) -> None:
    admin = system.admin()
    before = await scraped(admin)
    for number in range(3):
        path = f"/api/entities/counter/k{number}/Add"
        async with admin.post(path, json={"amount": 1}) as response:
            assert response.status == 200
    async with admin.get("/made/up/address") as response:
        assert response.status == 404
    after = await scraped(admin)
    route = frozenset({"POST", "/api/entities/{kind}/{key}/{message}", "200"})
    assert after["vareon_http_requests_total"][route] == 3
    assert after["vareon_http_requests_total"][frozenset({"unknown", "404"})] == 1
    added = frozenset({"host", "counter", "ask", "ok"})
    assert after["vareon_handled_total"][added] == 3
    host = frozenset({"host"})
    for name in ("vareon_commits_total", "vareon_commit_units_total", "vareon_turns_total"):
        assert after[name][host] > before[name][host], name
    assert after["vareon_commit_seconds_total"][host] > before["vareon_commit_seconds_total"][host]
    assert after["vareon_turn_seconds_count"][host] >= before["vareon_turn_seconds_count"][host] + 3
    assert after["vareon_entities_active"][host] >= 3
    assert all(value > 1e6 for value in after["vareon_process_memory_bytes"].values())
    assert len(after["vareon_process_memory_bytes"]) == 3


async def test_only_who_may_see_the_system(system: InProcessSystem) -> None:
    for client, status in (
        (system.client(), 401),
        (await system.new_user("bob"), 403),
        (await system.new_user("olga", ("operator",)), 200),
    ):
        async with client.get("/metrics") as response:
            assert response.status == status


async def test_every_series_of_the_dashboard_is_there(system: InProcessSystem) -> None:
    admin = system.admin()
    async with admin.post("/api/chat", json={"message": "hello"}) as response:
        assert response.status == 200
    known = set(await scraped(admin))
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    shown = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"vareon_\w+", target["expr"])
    }
    assert len(shown) >= 10
    never_yet = {"vareon_messages_refused_total"}
    assert shown - known <= never_yet
