"""How the system and its modules are."""

from __future__ import annotations

import msgspec


class ModuleStatus(msgspec.Struct, frozen=True, rename="camel"):
    """One module, with the caller's own numbers; what a module has not is 0."""

    status: str
    uptime: str
    active_chats: int = 0
    messages_processed: int = 0
    avg_response_time: str = "0.0s"
    active_agents: int = 0
    jobs_completed: int = 0
    devices_connected: int = 0
    active_workflows: int = 0
    datasets_managed: int = 0
    search_queries_processed: int = 0
    models_active: int = 0
    routing_rules: int = 0
    requests_routed: int = 0


class SystemStatus(msgspec.Struct, frozen=True):
    """The four modules, and nothing else: clients draw a row for every key."""

    arcana: ModuleStatus
    myntrix: ModuleStatus
    neosyntis: ModuleStatus
    cognisys: ModuleStatus
