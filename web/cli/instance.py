"""Finding the instance that runs here, and speaking to it as its administrator."""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vareon_runtime.clock import SystemClock
from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import instance_lock, running, tls
from vareon_runtime.launch.typed_command import typed_command
from web.cli.administrator import administrator

Command = Callable[..., None]

data_dir_option: Callable[[Command], Command] = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The data dir of the instance that is meant.",
)
url_option: Callable[[Command], Command] = click.option(
    "--url", help="The address of an instance that runs elsewhere."
)
token_option: Callable[[Command], Command] = click.option(
    "--token", "given_token", help="Who you are there (VAREON_TOKEN)."
)


@dataclass(frozen=True, slots=True)
class Target:
    """An instance, and who is asking.

    Attributes:
        tls: What to trust; None for what the system trusts.
    """

    url: str
    token: str
    tls: ssl.SSLContext | None = None


def on_instance(command: Callable[..., Any]) -> Callable[..., None]:
    """Give a command its ``instance``, with the options that say which instance is meant."""

    @functools.wraps(command)
    def targeted(
        *arguments: Any,
        data_dir: Path | None,
        url: str | None,
        given_token: str | None,
        **options: Any,
    ) -> Any:
        return command(*arguments, instance=target_of(url, given_token, data_dir), **options)

    return data_dir_option(url_option(token_option(targeted)))


def settings_for(data_dir: Path | None) -> Settings:
    """The settings in force here.

    Raises:
        click.ClickException: If one is wrong.
    """
    from vareon_runtime.launch.settings import read_settings

    try:
        return read_settings({"data_dir": data_dir})[0]
    except ConfigurationError as error:
        raise click.ClickException(error.detail) from None


def running_here(settings: Settings) -> running.Running | None:
    """What runs on this data dir now; the record alone is not believed, the lock is."""
    pid = instance_lock.owner(settings.data_dir)
    record = running.read(settings)
    if pid is None or record is None or record.pid != pid:
        return None
    return record


def target_of(url: str | None, token: str | None, data_dir: Path | None) -> Target:
    """Where to send a request, and with which token.

    Raises:
        click.ClickException: If nothing runs here, or a remote address comes without a token.
    """
    token = token or os.environ.get("VAREON_TOKEN")
    if url:
        if not token:
            raise click.ClickException("an address needs a --token (VAREON_TOKEN) as well")
        return Target(url.rstrip("/"), token)
    settings = settings_for(data_dir)
    record = running_here(settings)
    if record is None:
        raise click.ClickException(
            f"Vareon is not running on {settings.data_dir}: start it with `{typed_command()} up`"
        )
    return Target(record.url, token or admin_token(settings), tls.client_context(settings))


def admin_token(settings: Settings) -> str:
    """A token for an administrator, made from this machine's own key.

    Raises:
        click.ClickException: If the key is not there, or not readable by this user.
    """
    from web.services.tokens import Tokens

    try:
        key = settings.jwt_key_file.read_bytes()
        admin_id = settings.admin_id_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise click.ClickException(
            f"{error.filename} cannot be read ({error.strerror}): start Vareon once on this data "
            "dir, as this user"
        ) from None
    try:
        tokens = Tokens(key, SystemClock())
    except ConfigurationError as error:
        raise click.ClickException(f"{settings.jwt_key_file}: {error.detail}") from None
    return tokens.issue_access(*asyncio.run(administrator(settings, admin_id)))


def unreachable(url: str) -> str:
    """Why nothing came from an address, and what to do."""
    return f"nothing answers at {url}: start it with `{typed_command()} up`"


def refusal(answer: dict[str, Any], status: int) -> str:
    """The readable sentence in an error answer."""
    return str(answer.get("detail") or f"the answer was HTTP {status}")
