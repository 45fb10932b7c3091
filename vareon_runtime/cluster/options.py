"""Which actors there are, and how Ray is to keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vareon_runtime.cluster.ray_service import CognisysRouter, EntityHost, FrontDoor, RayService

NAMESPACE = "vareon"
_MAX_CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class Role:
    """One of our processes.

    Attributes:
        kind: The class that Ray runs.
        label: Its name without the node.
        factory: Builds the service in it.
    """

    kind: type[RayService]
    label: str
    factory: str

    def name(self, node: str) -> str:
        """What the Ray dashboard calls it."""
        return f"{self.label}@{node}"


ROUTER = Role(CognisysRouter, "cognisys-router", "vareon_runtime.routing.bootstrap:build_router")
HOST = Role(EntityHost, "entity-host-0", "actors.bootstrap:build_host")
FRONT_DOOR = Role(FrontDoor, "front-door", "web.bootstrap:build_front_door")
ROLES = (ROUTER, FRONT_DOOR, HOST)


def actor_options(name: str) -> dict[str, Any]:
    """Detached and restarted without limit; no retries, which would break the order of calls."""
    return {
        "name": name,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": _MAX_CONCURRENCY,
        "num_cpus": 0,
    }
