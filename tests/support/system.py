"""Host, router and front door in one event loop: real links, real file, real HTTP; no Ray.

In a test::

    async with InProcessSystem(tmp_path) as system:
        admin = await system.sign_in()
        async with admin.post("/api/chat", json={"message": "hello"}) as response:
            ...
"""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from actors.bootstrap import build_host
from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.launch import secrets
from vareon_runtime.launch.control import ControlSocket
from vareon_runtime.migrations.run import migrate
from vareon_runtime.routing.bootstrap import build_router
from vareon_runtime.service import Service
from web.bootstrap import build_front_door
from web.front_door import FrontDoor
from web.middleware import FrontGate
from web.routes import Route
from web.services.tokens import Tokens

ADMIN_PASSWORD = "correct horse battery staple"
START_TIME_S = 30.0


class _Beside(Settings):
    """The settings of a second front door on the same data dir."""

    @property
    def control_socket(self) -> Path:
        """A parent's line of its own."""
        return self.run_dir / "side.sock"


@dataclass
class InProcessSystem:
    """The whole system on a temporary folder.

    Attributes:
        options: Settings that a test needs to differ.
        events: What the front door told its parent.
    """

    data_dir: Path
    entities: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    trusted_proxies: tuple[str, ...] = ()
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.port = self.listening.getsockname()[1]
        self.settings = Settings(
            data_dir=self.data_dir,
            database_url=f"sqlite:///{self.data_dir / 'vareon.db'}",
            port=self.port,
            entities=self.entities,
            **self.options,
            trusted_proxies=self.trusted_proxies,
        )
        self.sessions: list[aiohttp.ClientSession] = []
        self._told = asyncio.Condition()
        self.host: Service | None = None
        self.router: Service | None = None
        self.front_door: Service | None = None
        self._side: tuple[Service, ControlSocket, socket.socket] | None = None

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_id(self) -> str:
        """The first administrator."""
        return self.settings.admin_id_file.read_text(encoding="utf-8").strip()

    @property
    def tokens(self) -> Tokens:
        """Signs tokens that it accepts."""
        return Tokens(self.settings.jwt_key_file.read_bytes(), SystemClock())

    @property
    def gate(self) -> FrontGate:
        """What every request passes in the front door."""
        assert isinstance(self.front_door, FrontDoor)
        found = getattr(self.front_door._runner.app.middlewares[0], "__self__", None)
        assert isinstance(found, FrontGate)
        return found

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        await self.prepare()
        self.router = await build_router(self.settings, "router")
        await self.router.start()
        self.host = await build_host(self.settings, "host")
        await self.host.start()
        await self.start_front_door()
        await self.told("ready")

    async def prepare(self) -> None:
        """Secrets, tables and the parent's side of the control socket."""
        for folder in (self.data_dir, self.settings.secrets_dir, self.settings.run_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secrets.ensure(self.settings, ADMIN_PASSWORD)
        await asyncio.to_thread(migrate, self.settings.database_url)
        self.control = ControlSocket(self.settings.control_socket, self.listening, self._heard)
        self.control.open()

    async def start_front_door(self) -> None:
        """Start the front door; it serves at once and opens once the host is reached."""
        self.front_door = await build_front_door(self.settings, "front-door")
        await self.front_door.start()

    async def open_side_door(self) -> str:
        """Start a second front door with a port of its own; returns its address."""
        names = [field.name for field in dataclasses.fields(Settings)]
        settings = _Beside(**{name: getattr(self.settings, name) for name in names})
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        ready = asyncio.Event()

        async def heard(event: dict[str, Any]) -> None:
            if event["event"] == "ready":
                ready.set()

        control = ControlSocket(settings.control_socket, listening, heard)
        control.open()
        door = await build_front_door(settings, "side-door")
        self._side = (door, control, listening)
        await door.start()
        async with asyncio.timeout(START_TIME_S):
            await ready.wait()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    async def stop(self) -> None:
        """Stop everything."""
        for session in self.sessions:
            await session.close()
        side, control, listening = self._side or (None, None, None)
        for service in (side, self.front_door, self.host, self.router):
            if service is not None:
                await service.stop()
        for line in filter(None, (control, self.control)):
            line.close()
        await asyncio.sleep(0)
        for port in filter(None, (listening, self.listening)):
            port.close()

    async def told(self, event: str) -> dict[str, Any]:
        """Wait until the front door has told its parent something."""

        def found() -> dict[str, Any] | None:
            return next((told for told in self.events if told["event"] == event), None)

        async with asyncio.timeout(START_TIME_S), self._told:
            await self._told.wait_for(lambda: found() is not None)
        told = found()
        assert told is not None
        return told

    def client(self, token: str | None = None, **options: Any) -> aiohttp.ClientSession:
        """A session at this system; closed with it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        session = aiohttp.ClientSession(
            options.pop("url", self.url),
            headers={**headers, **options.pop("headers", {})},
            timeout=aiohttp.ClientTimeout(total=60),
            cookie_jar=options.pop("cookie_jar", None) or aiohttp.DummyCookieJar(),
            **options,
        )
        self.sessions.append(session)
        return session

    async def token(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> str:
        """Sign in."""
        client = self.client()
        form = {"username": username, "password": password}
        async with client.post("/api/token", data=form) as response:
            assert response.status == 200, await response.text()
            return str((await response.json())["access_token"])

    async def sign_in(
        self, username: str = "admin", password: str = ADMIN_PASSWORD
    ) -> aiohttp.ClientSession:
        """A session that is signed in."""
        return self.client(await self.token(username, password))

    def admin(self) -> aiohttp.ClientSession:
        """The administrator's session, without spending a sign-in."""
        return self.client(self.tokens.issue_access(self.admin_id))

    async def new_user(
        self, username: str, roles: tuple[str, ...] = ("member",)
    ) -> aiohttp.ClientSession:
        """A second user's session."""
        body = {"username": username, "password": f"password of {username}", "roles": roles}
        async with self.admin().post("/api/users", json=body) as response:
            assert response.status == 201, await response.text()
            user_id = (await response.json())["id"]
        return self.client(self.tokens.issue_access(user_id))

    def routes(self) -> list[Route]:
        """Every route that the front door serves, as it is declared."""
        return list(dict.fromkeys(self.gate._access.values()))

    async def connect_model(self, base_url: str, model: str = "fake-small") -> str:
        """Connect a model; the newest one is the default. Returns its id."""
        admin = self.admin()
        provider = {
            "name": f"upstream {base_url} {model}",
            "base_url": base_url,
            "api_key": "secret-key-123456",
        }
        async with admin.post("/api/cognisys/providers/", json=provider) as response:
            assert response.status == 201, await response.text()
            provider_id = (await response.json())["id"]
        body = {"provider_id": provider_id, "model_name": model, "type": "chat"}
        async with admin.post("/api/cognisys/models/", json=body) as response:
            assert response.status == 201, await response.text()
            return str((await response.json())["id"])

    async def _heard(self, event: dict[str, Any]) -> None:
        async with self._told:
            self.events.append(event)
            self._told.notify_all()
