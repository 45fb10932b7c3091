"""Settings as every process of ours receives them: read once in the parent, then frozen.

Where they come from (flags, environment, ``vareon.toml``) is `vareon_runtime.launch.settings`;
keeping that apart keeps its heavy import out of the actors.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

UNIX_PATH_LIMIT = 100
"""A unix socket's path ends at 107 bytes; the longest name we add is shorter than the rest."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """The mail server that letters leave by.

    Attributes:
        tls: ``starttls``, ``tls`` from the first byte, or ``none``.
        sender: What letters say they come from, such as ``Vareon <vareon@example.org>``.
        password_file: Holds the password and nothing else; read whenever a letter leaves.
        ca_file: Certificates to trust besides the system's own.
    """

    host: str
    port: int
    sender: str
    tls: str = "starttls"
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided."""

    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8480
    ray_dashboard_port: int = 8265
    node: str = "node"
    entities: tuple[str, ...] = ()
    """Modules that define entities of the user's own."""
    inbox_hours: float = 26.0
    """How long handled messages are kept with their replies; an id is good for 24 h."""
    dead_letter_days: float = 30.0
    static_dir: Path | None = None
    """A single-page client of the operator's own, served in place of the console."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites whose pages may use this one; ``*`` for any, without its cookie."""
    requests_per_minute: int = 60_000
    """How many one user may make, at each front door."""
    anonymous_requests_per_minute: int = 6_000
    """How many may come from one address, of nobody in particular."""
    tls_cert: Path | None = None
    """PEM file of a certificate with its chain; with its key it makes this HTTPS."""
    tls_key: Path | None = None
    registration: str = "open"
    """Who may register: ``open`` anybody, ``invited`` whom an administrator invites, ``closed``
    nobody."""
    public_url: str = ""
    """Where people reach this installation, for links in letters; empty for its own address."""
    smtp: Smtp | None = None
    """The mail server; without one letters are shown in the terminal and kept."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose word about the client's address is believed."""
    private_networks: tuple[str, ...] = ()
    """Private networks in which anybody who may connect providers may do so."""
    instance: str = ""
    """Names this start; every process of it carries it in its environment."""

    @property
    def run_dir(self) -> Path:
        """Sockets and pid file: beside the data, or in the temporary folder if that is too deep."""
        beside = self.data_dir / "run"
        if len(str(beside)) + 24 <= UNIX_PATH_LIMIT:
            return beside
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vareon-{digest}"

    @property
    def router_socket(self) -> Path:
        """Where this node's router listens for links."""
        return self.run_dir / "router.sock"

    @property
    def control_socket(self) -> Path:
        """Where the parent hands over the listening socket."""
        return self.run_dir / "control.sock"

    @property
    def secrets_dir(self) -> Path:
        """Keys, each a file of mode 0600."""
        return self.data_dir / "secrets"

    @property
    def jwt_key_file(self) -> Path:
        """Signs access tokens; 64 hex digits, newest first when there are several lines."""
        return self.secrets_dir / "jwt.key"

    @property
    def derivation_key_file(self) -> Path:
        """What follows from it is the same at every front door and after a restart."""
        return self.secrets_dir / "derivation.key"

    @property
    def encryption_key_file(self) -> Path:
        """Encrypts provider keys; a Fernet key, newest first when there are several lines."""
        return self.secrets_dir / "encryption.key"

    @property
    def ray_token_file(self) -> Path:
        """Ray's own token."""
        return self.secrets_dir / "ray.token"

    @property
    def admin_id_file(self) -> Path:
        """The first administrator's user id, chosen before the account is made."""
        return self.secrets_dir / "admin.id"

    @property
    def admin_password_file(self) -> Path:
        """The first password, kept only until it has been shown."""
        return self.secrets_dir / "initial-admin-password"
