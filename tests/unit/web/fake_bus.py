"""Stand-ins for what a front door reaches: a bus that does as it is told, and rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web as aiohttp_web

from vareon_runtime.clock import SystemClock
from vareon_runtime.identity import EntityId, IdSource, Principal, seeded_ids
from vareon_runtime.migrations.run import HEAD
from web.admission import Admission
from web.api.entities import EntityRoutes
from web.api.profile import ProfileRoutes
from web.api.system import SystemRoutes
from web.api.tokens import TokenRoutes
from web.app import build_app
from web.client_address import client_of
from web.client_files import ClientFiles
from web.cross_origin import CrossOrigin
from web.guard import committed_versions
from web.keyed import KeyedBus, KeyedIds
from web.lasting import Lasting
from web.outcomes import KeyedRequests
from web.quotas import Quotas
from web.routes import Route
from web.services.accounts import Accounts
from web.services.api_keys import ApiKeys
from web.services.authentication import Authenticator
from web.services.export import Export
from web.services.last_use import LastUse
from web.services.lockout import Lockout
from web.services.passwords import Passwords
from web.services.profile import Profile
from web.services.readiness import Readiness
from web.services.refresh_tokens import RefreshTokens
from web.services.roles import Roles
from web.services.sign_ins import SignIns
from web.services.standing import Standing
from web.services.storage import Storage
from web.services.tokens import Tokens

KEY = b"0123456789abcdef" * 4


@dataclass
class FakeBus:
    """Answers every ask with what it was given."""

    answer: Callable[[], Any] = lambda: b"{}"
    asked: list[tuple[EntityId, str, bytes, Principal, bytes | None]] = field(default_factory=list)
    connected: bool = True
    ids: IdSource = field(default_factory=lambda: seeded_ids(SystemClock()))

    async def ask_json(
        self,
        target: EntityId,
        message_name: str,
        body: bytes,
        *,
        principal: Principal,
        message_id: bytes | None = None,
        timeout_s: float = 10.0,
        trace_id: bytes | None = None,
        span_id: bytes = b"",
        fingerprint: bytes = b"",
    ) -> bytes:
        self.asked.append((target, message_name, body, principal, message_id))
        found: bytes = self.answer()
        return found

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        return {}

    async def router_status(self, timeout_s: float = 2.0) -> dict[str, Any]:
        return {"links": []}


@dataclass
class FakeRows:
    """Answers every select with the same rows."""

    found: list[Any] = field(default_factory=list)
    selects: int = 0

    async def rows(self, statement: Any) -> list[Any]:
        self.selects += 1
        return [(HEAD,)] if "alembic_version" in str(statement) else self.found


def user_row(user_id: str = "user-1", role: str = "member", **changes: Any) -> SimpleNamespace:
    """A row as the query for an account returns it."""
    fields = {
        "id": user_id,
        "username": "ann",
        "email": None,
        "hashed_password": "",
        "is_active": True,
        "is_verified": True,
        "pending_email": None,
        "verification_expires_at": None,
        "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
        "token_version": 0,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "role": role,
        "made_role": None,
        "permission": None,
    }
    return SimpleNamespace(**{**fields, **changes})


async def no_ray() -> str:
    """In a process that Ray did not start."""
    return "not used"


@dataclass
class FakeSystem:
    """An application over stand-ins."""

    bus: FakeBus = field(default_factory=FakeBus)
    rows: FakeRows = field(default_factory=lambda: FakeRows([user_row()]))
    ready: bool = True
    origins: tuple[str, ...] = ()
    static_dir: Path | None = None

    def __post_init__(self) -> None:
        clock = SystemClock()
        self.tokens = Tokens(KEY, clock)
        passwords = Passwords(threads=1)
        accounts = Accounts(self.rows, self.bus, passwords, None)  # type: ignore[arg-type]
        self.readiness = Readiness(self.bus, self.rows, clock, no_ray)
        self.readiness.open = self.ready
        bus = KeyedBus(self.bus, committed_versions(self.rows))  # type: ignore[arg-type]
        self.admission = Admission(clock, random.Random(1))
        self.quotas = Quotas(clock, 60_000, 60_000, client_of)
        self.lasting = Lasting()
        self.keyed = KeyedRequests(bus, clock, KEY, self.lasting)
        authenticator = self.authenticator_over(self.rows)
        ids = KeyedIds(seeded_ids(clock))
        lockout = Lockout(self.rows, bus, clock)
        sign_ins = SignIns(self.rows, bus, ids, self.tokens, RefreshTokens(KEY), clock)
        routes = [
            *SystemRoutes(self.readiness, Storage(self.rows, clock)).routes(),
            *EntityRoutes(bus).routes(),
            *TokenRoutes(accounts, sign_ins, self.tokens, authenticator, lockout).routes(),
            *_profile_routes(self.rows, self.bus, passwords),
        ]
        self.app: aiohttp_web.Application = build_app(
            routes,
            authenticator,
            self.readiness,
            self.keyed,
            self.admission,
            self.lasting,
            self.quotas,
            CrossOrigin(self.origins),
            ClientFiles(self.static_dir) if self.static_dir else None,
        )

    def authenticator_over(self, rows: FakeRows) -> Authenticator:
        """Knows the accounts of these rows."""
        clock = SystemClock()
        accounts = Accounts(rows, self.bus, None, None)  # type: ignore[arg-type]
        bus: Any = self.bus
        keys = ApiKeys(rows, bus, None, KEY, clock)  # type: ignore[arg-type]
        last_use, standing = LastUse(bus, clock), Standing(rows, clock)
        return Authenticator(self.tokens, accounts, standing, last_use, keys, bus, clock)

    @property
    def bearer(self) -> dict[str, str]:
        """A header that the application accepts."""
        return {"Authorization": f"Bearer {self.tokens.issue_access('user-1')}"}


def _profile_routes(rows: FakeRows, bus: FakeBus, passwords: Passwords) -> list[Route]:
    clock, any_bus = SystemClock(), cast("Any", bus)
    roles, lockout = Roles(rows, any_bus, None), Lockout(rows, any_bus, clock)  # type: ignore[arg-type]
    profile = Profile(rows, any_bus, passwords, roles, lockout)
    return ProfileRoutes(profile, Export(rows, clock)).routes()
