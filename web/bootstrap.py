"""Puts a front door together: the only place that knows which parts it is made of."""

from __future__ import annotations

import asyncio
import os
import random
import resource
from collections.abc import Mapping
from typing import cast

from actors.cognisys.discovery import discover, offer
from vareon_runtime.clock import Clock, SystemClock
from vareon_runtime.cluster.ray_state import ray_state
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.identity import IdSource, seeded_ids
from vareon_runtime.launch import running
from vareon_runtime.routing.bus import MessageBus
from vareon_runtime.routing.client import LinkBus
from vareon_runtime.service import Service
from vareon_runtime.storage.database import Database
from web.admission import Admission
from web.api.audit import AuditRoutes
from web.api.chat import ChatRoutes
from web.api.cognisys import CognisysRoutes
from web.api.console import ConsoleRoutes
from web.api.dead_letters import DeadLetterRoutes
from web.api.documentation import DocumentationRoutes
from web.api.entities import EntityRoutes
from web.api.mail import MailRoutes
from web.api.metrics import MetricRoutes
from web.api.notifications import NotificationRoutes
from web.api.profile import ProfileRoutes
from web.api.registration import RegistrationRoutes
from web.api.roles import RoleRoutes
from web.api.search import SearchRoutes
from web.api.status import StatusRoutes
from web.api.system import SystemRoutes
from web.api.traces import trace_routes
from web.api.users import UserRoutes
from web.app import build_app
from web.auditing import AUDIT
from web.certificate import Certificate
from web.client_address import ADDRESSES, ClientAddress, client_of
from web.client_files import ClientFiles
from web.cross_origin import CrossOrigin
from web.front_door import FrontDoor
from web.guard import committed_versions
from web.keyed import KeyedBus, KeyedIds, KeyedRows
from web.lasting import Lasting
from web.outcomes import KeyedRequests
from web.parent import ParentLine
from web.quotas import Quotas
from web.request_meter import RequestMeter
from web.routes import Route
from web.services.accounts import Accounts, Rows
from web.services.audit import Audit
from web.services.chat import Chat
from web.services.dead_letters import DeadLetters
from web.services.export import Export
from web.services.first_run import (
    SYSTEM,
    Found,
    ensure_admin,
    look_around,
    reach_host,
    watch_dead_letters,
)
from web.services.invitations import Invitations
from web.services.lockout import Lockout
from web.services.metrics import Metrics
from web.services.models import Models
from web.services.notifications import Notifications
from web.services.outbox import Outbox
from web.services.passwords import Passwords
from web.services.preferences import Preferences
from web.services.profile import Profile
from web.services.readiness import Readiness
from web.services.registration import Registration
from web.services.rights import Rights
from web.services.roles import Roles
from web.services.search import Search
from web.services.status import Status
from web.services.storage import Storage
from web.services.users import Users
from web.signing_in import SigningIn
from web.sockets.chat import ChatSockets
from web.sockets.notifications import NotificationSockets
from web.sockets.open_sockets import OpenSockets

OPEN_FILES = 65_536


async def build_front_door(settings: Settings, name: str) -> Service:
    """The front door of one node.

    Raises:
        ConfigurationError: If a setting or the key file is wrong.
    """
    _allow_many_sockets()
    relax_collector()
    clock = SystemClock()
    ids = KeyedIds(seeded_ids(clock))
    database = Database(settings.database_url)
    link = LinkBus(settings, name, role="front_door")
    bus, rows = KeyedBus(link, committed_versions(database)), KeyedRows(database)
    passwords = Passwords()
    accounts = Accounts(rows, bus, passwords, ids)
    certificate = Certificate(settings, clock)
    readiness, sockets = Readiness(link, database, clock, ray_state), OpenSockets()
    status = Status(database, readiness, clock, running.started_s(settings) or clock.time())
    lasting = Lasting()
    signing_in = SigningIn(settings, accounts, rows, bus, link, ids, sockets, clock)
    keyed = KeyedRequests(bus, clock, signing_in.key, lasting)
    admission = Admission(clock, random.Random(os.urandom(16)))  # noqa: S311 - spreads retries
    quotas = Quotas(
        clock, settings.requests_per_minute, settings.anonymous_requests_per_minute, client_of
    )
    audit, requests = Audit(database, link, clock), RequestMeter()
    client = ClientFiles(settings.static_dir) if settings.static_dir else None
    routes = [
        *SystemRoutes(readiness, Storage(database, clock)).routes(),
        *ConsoleRoutes(at="/console" if client else "/").routes(),
        *SearchRoutes(Search(database)).routes(),
        *StatusRoutes(status).routes(),
        *signing_in.routes(),
        *_own_account_routes(
            database, rows, bus, passwords, ids, settings, clock, signing_in.lockout
        ),
        *_people_routes(rows, bus, ids, accounts, passwords, settings),
        *AuditRoutes(audit).routes(),
        *DeadLetterRoutes(DeadLetters(rows, bus)).routes(),
        *trace_routes(database, link, clock),
        *MetricRoutes(Metrics(link, requests, lambda: sockets.count)).routes(),
        *_domain_routes(rows, bus, ids, sockets, Rights(accounts, clock)),
    ]
    routes += DocumentationRoutes(routes).routes()

    async def keep_up() -> None:
        async with asyncio.TaskGroup() as all_of_it:
            all_of_it.create_task(admission.keep_up())
            all_of_it.create_task(certificate.keep_current())
            all_of_it.create_task(signing_in.keep_up())

    async def close() -> None:
        passwords.close()
        await database.close()

    app = build_app(
        routes,
        signing_in.authenticator,
        readiness,
        keyed,
        admission,
        lasting,
        quotas,
        CrossOrigin(settings.allowed_origins),
        client,
        requests,
    )
    app[AUDIT] = audit
    app[ADDRESSES] = ClientAddress(settings.trusted_proxies)
    return FrontDoor(
        name,
        app,
        link,
        ParentLine(settings.control_socket),
        readiness,
        sockets,
        lambda: _prepare(settings, link, passwords),
        lambda: look_around(database, lambda known: _find(known, link, ids)),
        close,
        keep_up,
        certificate.context,
        lasting,
    )


def _own_account_routes(
    database: Database,
    rows: Rows,
    bus: MessageBus,
    passwords: Passwords,
    ids: IdSource,
    settings: Settings,
    clock: Clock,
    lockout: Lockout,
) -> list[Route]:
    registration = Registration(database, bus, passwords, ids, settings)
    profile = Profile(rows, bus, passwords, Roles(rows, bus, ids), lockout)
    return [
        *RegistrationRoutes(registration, profile).routes(),
        *ProfileRoutes(profile, Export(database, clock)).routes(),
        *MailRoutes(Outbox(database)).routes(),
    ]


def _domain_routes(
    rows: Rows, bus: MessageBus, ids: IdSource, sockets: OpenSockets, rights: Rights
) -> list[Route]:
    chat, models = Chat(rows, bus, ids), Models(rows, bus, ids)
    notifications = Notifications(rows, bus)
    return [
        *ChatRoutes(chat).routes(),
        *ChatSockets(chat, sockets, rights).routes(),
        *CognisysRoutes(models, Preferences(rows, bus, models)).routes(),
        *EntityRoutes(bus).routes(),
        *NotificationRoutes(notifications).routes(),
        *NotificationSockets(notifications, sockets).routes(),
    ]


def _people_routes(
    rows: Rows,
    bus: MessageBus,
    ids: IdSource,
    accounts: Accounts,
    passwords: Passwords,
    settings: Settings,
) -> list[Route]:
    roles = Roles(rows, bus, ids)
    users = Users(rows, bus, accounts, roles, passwords)
    closed = settings.registration == "closed"
    return [
        *UserRoutes(users, Invitations(rows, bus, ids, roles, passwords, closed=closed)).routes(),
        *RoleRoutes(roles).routes(),
    ]


async def _prepare(settings: Settings, bus: LinkBus, passwords: Passwords) -> bool:
    created = await ensure_admin(
        bus, passwords, settings.admin_id_file, settings.admin_password_file
    )
    await reach_host(bus)
    await watch_dead_letters(bus)
    return created


async def _find(known: Mapping[str, str], bus: LinkBus, ids: IdSource) -> list[Found]:
    found = await discover(os.environ)
    return cast("list[Found]", await offer(bus, found, known, principal=SYSTEM, ids=ids))


def _allow_many_sockets() -> None:
    """Raise the soft limit of open files: many systems start with 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
