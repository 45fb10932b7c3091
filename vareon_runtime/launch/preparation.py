"""Everything that can be wrong with a start, found before anything is left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import socket
from dataclasses import dataclass
from typing import Any

from vareon_runtime.config import Settings
from vareon_runtime.launch import folders, log_files, port, running, secrets, tls
from vareon_runtime.launch.database_url import check_database_file
from vareon_runtime.launch.instance_lock import InstanceLock
from vareon_runtime.launch.running import Running
from vareon_runtime.launch.settings import read_settings


@dataclass(slots=True)
class Prepared:
    """A start whose settings are good, whose lock is held and whose port is bound."""

    settings: Settings
    admin_password: str
    listening: socket.socket
    url: str
    arguments: str
    """What a later command has to say to find this instance; empty for the usual data dir."""
    previous_instance: str
    """The mark of a start that did not end in order; its processes may still be there."""
    undo: contextlib.ExitStack


def prepare(flags: dict[str, Any], instance: str) -> Prepared:
    """Read the settings, take the lock, bind the port, make the secrets.

    Raises:
        ConfigurationError: In one line with the fix; nothing stays locked or bound.
    """
    settings, admin_password = read_settings(flags, instance)
    folders.prepare(settings)
    with contextlib.ExitStack() as undo:
        lock = InstanceLock.take(settings.data_dir)
        undo.callback(lock.release)
        check_database_file(settings.database_url)
        tls.server_context(settings)
        listening = port.bind(settings.host, settings.port)
        undo.callback(listening.close)
        chosen = port.free_dashboard_port(settings.ray_dashboard_port)
        settings = dataclasses.replace(
            settings, port=listening.getsockname()[1], ray_dashboard_port=chosen
        )
        secrets.ensure(settings, admin_password)
        log_files.rotate(folders.log_dir(settings))
        before = running.read(settings)
        return Prepared(
            settings=settings,
            admin_password=admin_password,
            listening=listening,
            url=port.url_of(listening, "http" if settings.tls_cert is None else "https"),
            arguments=_arguments(flags),
            previous_instance=before.instance if before else "",
            undo=undo.pop_all(),
        )


def record_of(prepared: Prepared, pid: int) -> Running:
    """What is written down about this start."""
    return Running(
        pid=pid,
        url=prepared.url,
        instance=prepared.settings.instance,
        dashboard_url=f"http://127.0.0.1:{prepared.settings.ray_dashboard_port}",
    )


def _arguments(flags: dict[str, Any]) -> str:
    data_dir = flags.get("data_dir")
    return f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
