"""``vareon completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    r"""Print what makes SHELL complete commands and options.

    \b
    Examples:
      eval "$(vareon completion bash)"        # in ~/.bashrc
      vareon completion fish > ~/.config/fish/completions/vareon.fish
    """
    made_by = get_completion_class(shell)
    if made_by is None:
        raise click.ClickException(f"nothing is known about {shell}")
    root = ctx.find_root()
    click.echo(made_by(root.command, {}, "vareon", "_VAREON_COMPLETE").source())
