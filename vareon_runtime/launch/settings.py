"""Where settings come from: flags, then VAREON_* variables, then ``vareon.toml``."""

from __future__ import annotations

import ipaddress
import re
import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch.database_url import checked_database_url
from vareon_runtime.launch.mail_settings import (
    MailFields,
    public_url_of,
    registration_of,
    smtp_of,
)

SETTINGS_FILE = "vareon.toml"
MIN_PASSWORD_BYTES = 8
MAX_PASSWORD_BYTES = 1024
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\-_\[\]:]+")


def _short_hostname() -> str:
    name = socket.gethostname().partition(".")[0].lower()
    return re.sub(r"[^a-z0-9-]+", "-", name).strip("-")[:40] or "node"


class SettingsSource(MailFields, BaseSettings):
    """What may be written in the environment, in ``vareon.toml`` and as a flag."""

    model_config = SettingsConfigDict(env_prefix="VAREON_", extra="forbid", validate_default=True)

    host: str = "127.0.0.1"
    port: int = Field(8480, ge=0, le=65535)
    data_dir: Path = Path("~/.vareon")
    database_url: str = ""
    admin_password: str = ""
    ray_dashboard_port: int = Field(8265, ge=0, le=65535)
    entities: Annotated[tuple[str, ...], NoDecode] = ()
    private_networks: Annotated[tuple[str, ...], NoDecode] = ()
    node: str = Field(default_factory=_short_hostname, pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    inbox_hours: float = Field(26.0, ge=25.0, le=10_000.0)
    dead_letter_days: float = Field(30.0, gt=0.0, le=10_000.0)
    static_dir: Path | None = None
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    requests_per_minute: int = Field(60_000, ge=1, le=1_000_000_000)
    anonymous_requests_per_minute: int = Field(6_000, ge=1, le=1_000_000_000)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    allow_remote: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, which wins over the file in the working folder.

        A second file may lie in the data dir, which the three together have named.
        """
        beside = TomlConfigSettingsSource(settings_cls, Path(SETTINGS_FILE))
        named = (
            init_settings().get("data_dir")
            or env_settings().get("data_dir")
            or beside().get("data_dir")
            or cls.model_fields["data_dir"].default
        )
        stored = Path(str(named)).expanduser() / SETTINGS_FILE
        return (
            init_settings,
            env_settings,
            beside,
            TomlConfigSettingsSource(settings_cls, stored),
        )

    @field_validator("data_dir", "tls_cert", "tls_key")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    @field_validator("entities", mode="before")
    @classmethod
    def _modules(cls, value: object) -> tuple[str, ...]:
        names = value.split(",") if isinstance(value, str) else value
        if not isinstance(names, list | tuple):
            raise ValueError("give module names, separated by commas")
        modules = tuple(str(name).strip() for name in names if str(name).strip())
        for module in modules:
            if not _MODULE.fullmatch(module):
                raise ValueError(f"'{module[:60]}' is not a module name such as my.entities")
        return modules

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> tuple[str, ...]:
        said = value.split(",") if isinstance(value, str) else value
        if not isinstance(said, list | tuple):
            raise ValueError("give origins, separated by commas")
        origins = tuple(str(one).strip() for one in said if str(one).strip())
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"'{origin[:60]}' is no origin such as https://app.example.org")
        return origins

    @field_validator("trusted_proxies", "private_networks", mode="before")
    @classmethod
    def _networks(cls, value: object) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list | tuple):
            raise ValueError("give addresses or networks, separated by commas")
        networks = tuple(str(one).strip() for one in given if str(one).strip())
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"'{network[:60]}' is not an address or a network such as 10.0.0.0/8"
                ) from None
        return networks

    @field_validator("admin_password")
    @classmethod
    def _password_length(cls, value: str) -> str:
        if value and not MIN_PASSWORD_BYTES <= len(value.encode()) <= MAX_PASSWORD_BYTES:
            raise ValueError(f"give {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes")
        return value


def read_settings(flags: dict[str, Any] | None = None, instance: str = "") -> tuple[Settings, str]:
    """The settings in force, and the administrator's password if one was given.

    Args:
        flags: What the command line said; ``None`` values count as unsaid.
        instance: Names this start.

    Raises:
        ConfigurationError: In one line, naming the setting and the fix.
    """
    said = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        source = SettingsSource(**said)
    except ValidationError as error:
        raise ConfigurationError(_first_mistake(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{SETTINGS_FILE} cannot be read: {error}") from None
    _refuse_open_doors(source)
    settings = Settings(
        data_dir=source.data_dir,
        database_url=checked_database_url(source.database_url, source.data_dir),
        host=source.host,
        port=source.port,
        ray_dashboard_port=source.ray_dashboard_port,
        node=source.node,
        entities=source.entities,
        private_networks=source.private_networks,
        inbox_hours=source.inbox_hours,
        dead_letter_days=source.dead_letter_days,
        static_dir=source.static_dir.expanduser().absolute() if source.static_dir else None,
        allowed_origins=source.allowed_origins,
        requests_per_minute=source.requests_per_minute,
        anonymous_requests_per_minute=source.anonymous_requests_per_minute,
        tls_cert=source.tls_cert,
        tls_key=source.tls_key,
        registration=registration_of(source, loopback=is_loopback(source.host)),
        public_url=public_url_of(source),
        smtp=smtp_of(source),
        trusted_proxies=source.trusted_proxies,
        instance=instance,
    )
    return settings, source.admin_password


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_open_doors(source: SettingsSource) -> None:
    if (source.tls_cert is None) != (source.tls_key is None):
        raise ConfigurationError(
            "A certificate needs its key, and a key its certificate: give both --tls-cert and "
            "--tls-key (VAREON_TLS_CERT, VAREON_TLS_KEY), or neither."
        )
    if source.tls_cert is None and not source.allow_remote and not is_loopback(source.host):
        raise ConfigurationError(
            f"Host {source.host} is reachable from other machines, without TLS: use 127.0.0.1, "
            "give --tls-cert and --tls-key, or say --allow-remote (VAREON_ALLOW_REMOTE=1) behind a "
            "proxy that adds TLS."
        )


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_context=False)[0]
    name = str(mistake["loc"][0]) if mistake["loc"] else "settings"
    said = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        return f"{SETTINGS_FILE} has an unknown setting '{name}': remove it or correct its name."
    shown = "" if "password" in name else f" (it is {mistake['input']!r:.80})"
    return f"VAREON_{name.upper()} is wrong{shown}: {said[:1].lower()}{said[1:]}."
