"""Numbers for Prometheus."""

from __future__ import annotations

from aiohttp import web as aiohttp_web
from prometheus_client import CONTENT_TYPE_LATEST

from web.routes import Route
from web.services import policy
from web.services.metrics import Metrics


class MetricRoutes:
    """``/metrics``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """What is served here."""
        return [Route("GET", "/metrics", policy.READ_SYSTEM, self.metrics)]

    async def metrics(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The numbers of router, hosts and front door in Prometheus's text format."""
        return aiohttp_web.Response(
            body=await self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )
