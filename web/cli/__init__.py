"""The command line, ``vareon``. Each command's module is imported only when it is used."""

from __future__ import annotations

import importlib
import os
from typing import Any

import click

_COMMANDS = {
    "up": "web.cli.start:up",
    "down": "web.cli.stop:down",
    "status": "web.cli.status:status",
    "logs": "web.cli.logs:logs",
    "user": "web.cli.user:user",
    "role": "web.cli.role:role",
    "provider": "web.cli.provider:provider",
    "model": "web.cli.model:model",
    "chat": "web.cli.chat:chat",
    "token": "web.cli.token:token",
    "keys": "web.cli.keys:keys",
    "doctor": "web.cli.doctor:doctor",
    "audit": "web.cli.audit:audit",
    "dead-letters": "web.cli.dead_letters:dead_letters",
    "explain": "web.cli.explain:explain",
    "trace": "web.cli.trace:trace",
    "entity": "web.cli.entity:entity",
    "backup": "web.cli.backup:backup",
    "restore": "web.cli.restore:restore",
    "config": "web.cli.config:config",
    "completion": "web.cli.completion:completion",
}


class _Commands(click.Group):
    """Finds a command by its name and imports it then; ``vareon up`` must begin at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        _keep_lines(command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; whatever it raises is told in a sentence."""
        from web.cli.failures import told_in_a_sentence

        if os.environ.get("NO_COLOR"):
            ctx.color = False
        with told_in_a_sentence():
            return super().invoke(ctx)


def _keep_lines(command: click.Command) -> None:
    """Let examples stand as written: click wants a backspace, raw docstrings have two letters."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _keep_lines(below)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vareon-runtime", prog_name="vareon")
def main() -> None:
    r"""Durable agents, devices, workflows and conversations on Ray.

    Exit codes: 0 done, 1 refused or not running, 2 wrong usage.

    \b
    Examples:
      vareon up
      vareon chat "hello"
      vareon user list --json
    """


_keep_lines(main)
