"""What a domain author imports."""

from vareon_runtime.entity.base import Entity
from vareon_runtime.entity.context import Context, Later
from vareon_runtime.entity.effect import EffectCall, EffectContext, RetryPolicy, backoff, effect
from vareon_runtime.entity.flow import FlowContext, StepContext, flow
from vareon_runtime.entity.handlers import command, entity, query
from vareon_runtime.entity.registry import Registry
from vareon_runtime.entity.reminder import Tick, reminder
from vareon_runtime.entity.schedule import Misfire
from vareon_runtime.message import (
    Delta,
    Event,
    Message,
    Position,
    Request,
    Reset,
    State,
)
from vareon_runtime.storage.base import Base, UtcTime

__all__ = [
    "Base",
    "Context",
    "Delta",
    "EffectCall",
    "EffectContext",
    "Entity",
    "Event",
    "FlowContext",
    "Later",
    "Message",
    "Misfire",
    "Position",
    "Registry",
    "Request",
    "Reset",
    "RetryPolicy",
    "State",
    "StepContext",
    "Tick",
    "UtcTime",
    "backoff",
    "command",
    "effect",
    "entity",
    "flow",
    "query",
    "reminder",
]
