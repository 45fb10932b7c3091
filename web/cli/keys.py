"""``vareon keys``."""

from __future__ import annotations

from pathlib import Path

import click

from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import ConfigurationError, Conflict
from web.cli.instance import data_dir_option, settings_for
from web.cli.telling import Told, tells


@click.group()
def keys() -> None:
    r"""The keys that sign tokens.

    \b
    Examples:
      vareon keys rotate
    """


@keys.command()
@click.option(
    "--drop",
    is_flag=True,
    help="Believe the old keys no more: everybody must sign in again. For a key that leaked.",
)
@data_dir_option
@tells
def rotate(*, drop: bool, data_dir: Path | None) -> Told:
    r"""Let a new key sign. The one before is believed until all that it signed is over.

    What runs takes it up by itself, within two seconds.

    \b
    Examples:
      vareon keys rotate
      vareon keys rotate --drop
    """
    from web.services import signing_keys
    from web.services.tokens import LONGEST_LIFE_S

    settings = settings_for(data_dir)
    path = settings.jwt_key_file
    try:
        key = signing_keys.rotate(path, SystemClock().time(), LONGEST_LIFE_S, drop=drop)
    except (Conflict, ConfigurationError) as error:
        raise click.ClickException(error.detail) from None
    except OSError as error:
        raise click.ClickException(
            f"{path} cannot be replaced ({error.strerror}): start Vareon once on this data dir, "
            "as this user"
        ) from None
    before = "the one before is not believed any more" if drop else "the one before reads for 24 h"
    return Told({"key": key.id, "dropped": drop}, [f"key {key.id} signs now; {before}"])
