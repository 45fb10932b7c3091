"""The numbers of router, hosts and front door as Prometheus reads them.

Each process counts for itself; a scrape asks all of them once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from vareon_runtime.envelope import Kind
from vareon_runtime.errors import VareonError
from vareon_runtime.hosting import turn_meter
from vareon_runtime.memory_use import memory_bytes
from web import request_meter
from web.request_meter import RequestMeter
from web.services.memories import Link

_HOST_GAUGES = {
    "entities_active": ("activations", "Entities in memory."),
    "effects_running": ("effects_running", "Effects and flows under way."),
    "subscribers": ("subscribers", "Readers of what entities show."),
    "reminders_armed": ("reminders_armed", "Reminders due soon."),
    "commit_backlog": ("units_waiting", "Turns that wait for the disk."),
}
_HOST_COUNTERS = {
    "turns": ("turns", "Turns that have succeeded."),
    "commits": ("commits", "Batches written to the database."),
    "commit_units": ("units", "Turns in these batches."),
    "commit_seconds": ("commit_s", "Seconds that writing them took."),
    "effects_started": ("effects_started", "Effects and flows started."),
    "reminder_ticks": ("ticks", "Ticks of reminders brought."),
}


class Metrics:
    """Gathers and writes.

    Args:
        link: Asks router and hosts.
        requests: What this front door has counted.
        sockets: Tells how many WebSockets are open here.
    """

    def __init__(self, link: Link, requests: RequestMeter, sockets: Callable[[], int]) -> None:
        self._link = link
        self._requests = requests
        self._sockets = sockets

    async def text(self) -> bytes:
        """All of them, in the text format; processes that do not answer are left out."""
        try:
            router = await self._link.router_status()
        except VareonError:
            router = {}
        shards = list(router.get("hosts", {}).values())
        told = await asyncio.gather(*(self._host(shard) for shard in shards))
        hosts = [host for host in told if host is not None]
        registry = CollectorRegistry()
        registry.register(_Families(self._families(router, hosts)))
        return generate_latest(registry)

    async def _host(self, shard: int) -> dict[str, Any] | None:
        try:
            return await self._link.ask_host(Kind.PROBE, shard)
        except VareonError:
            return None

    def _families(
        self, router: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]
    ) -> list[Metric]:
        return [*self._door(), *_router(router), *_hosts(hosts), self._memory(router, hosts)]

    def _door(self) -> list[Metric]:
        requests = self._requests
        answered = CounterMetricFamily(
            "vareon_http_requests", "Requests answered.", labels=("method", "route", "status")
        )
        for (method, path, status), count in requests.answered.items():
            answered.add_metric((method, path, str(status)), count)
        took = _histogram(
            "vareon_http_request_seconds",
            "How long requests took.",
            request_meter.BUCKETS_S,
            [((), requests.took, requests.took_s)],
        )
        sockets = GaugeMetricFamily("vareon_sockets_open", "WebSockets.", value=self._sockets())
        return [answered, took, sockets]

    def _memory(
        self, router: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]]
    ) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "vareon_process_memory_bytes", "Resident memory.", labels=("process",)
        )
        family.add_metric(("front_door",), memory_bytes())
        for process in (*hosts, *((router,) if router else ())):
            family.add_metric((process["name"],), process["memory_bytes"])
        return family


class _Families:
    """What was gathered, as a registry asks for it."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _router(router: Mapping[str, Any]) -> list[Metric]:
    by_kind = CounterMetricFamily("vareon_messages", "Requests passed on.", labels=("kind",))
    refused = CounterMetricFamily("vareon_messages_refused", "Turned away.", labels=("code",))
    pending = GaugeMetricFamily("vareon_messages_pending", "Passed on, not answered yet.")
    queued = GaugeMetricFamily("vareon_link_queued_bytes", "Waiting.", labels=("link", "role"))
    received = CounterMetricFamily("vareon_link_items", "Received.", labels=("link", "role"))
    for kind, count in router.get("requests", {}).items():
        by_kind.add_metric((kind,), count)
    for code, count in router.get("refused", {}).items():
        refused.add_metric((code,), count)
    pending.add_metric((), router.get("pending", 0))
    seen: dict[tuple[str, str], list[int]] = {}
    for link in router.get("links", ()):
        # two links of one name are one series; clients make up their names
        name = link["name"] if link["role"] in ("host", "front_door") else "client"
        sums = seen.setdefault((name, link["role"]), [0, 0])
        sums[0] += link["queued_bytes"]
        sums[1] += link["received"]
    for labels, (bytes_waiting, items) in seen.items():
        queued.add_metric(labels, bytes_waiting)
        received.add_metric(labels, items)
    return [by_kind, refused, pending, queued, received]


def _hosts(hosts: Sequence[Mapping[str, Any]]) -> list[Metric]:
    families: list[Metric] = []
    for name, (key, meaning) in _HOST_GAUGES.items():
        gauge = GaugeMetricFamily(f"vareon_{name}", meaning, labels=("host",))
        for host in hosts:
            gauge.add_metric((host["name"],), host[key])
        families.append(gauge)
    for name, (key, meaning) in _HOST_COUNTERS.items():
        counter = CounterMetricFamily(f"vareon_{name}", meaning, labels=("host",))
        for host in hosts:
            counter.add_metric((host["name"],), host[key])
        families.append(counter)
    ended = CounterMetricFamily(
        "vareon_handled",
        "Turns and effects by how they ended; a call to a model is conversation.answer.",
        labels=("host", "kind", "source", "outcome"),
    )
    for host in hosts:
        for kind, source, outcome, count in host["meter"]["ended"]:
            ended.add_metric((host["name"], kind, source, outcome), count)
    families.append(ended)
    for name, key, meaning in (
        ("mailbox_wait_seconds", "waited", "How long messages waited in mailboxes."),
        ("turn_seconds", "ran", "How long turns took."),
    ):
        rows = [((h["name"],), h["meter"][key], h["meter"][f"{key}_s"]) for h in hosts]
        families.append(
            _histogram(f"vareon_{name}", meaning, turn_meter.BUCKETS_S, rows, ("host",))
        )
    return families


def _histogram(
    name: str,
    meaning: str,
    bounds: Sequence[float],
    rows: Iterable[tuple[tuple[str, ...], Sequence[int], float]],
    labels: tuple[str, ...] = (),
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for values, counts, total in rows:
        names = [*map(str, bounds), "+Inf"]
        buckets = list(zip(names, map(float, accumulate(counts)), strict=True))
        family.add_metric(values, buckets, total)
    return family
