"""``vareon up``."""

from __future__ import annotations

import sys
from typing import Any

import click

from vareon_runtime.launch import parent


@click.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", help="Port to listen on (8480); 0 takes any.")
@click.option("--data-dir", help="Where everything is kept.")
@click.option("--database-url", help="Another place for the database (sqlite:////path).")
@click.option("--ray-dashboard-port", help="Port of the Ray dashboard (8265); 0: any.")
@click.option("--entities", help="Modules that define entities of your own, comma separated.")
@click.option("--private-networks", help="Where inside providers may be, comma separated.")
@click.option("--node", help="What this machine is called in the Ray dashboard.")
@click.option("--static-dir", help="Folder of a single-page client to serve at /.")
@click.option("--tls-cert", help="PEM file of a certificate with its chain: serves HTTPS.")
@click.option("--tls-key", help="PEM file of its key.")
@click.option("--allow-remote", is_flag=True, default=None, help="Allow an address others reach.")
def up(**flags: Any) -> None:
    r"""Start Vareon here and stay; Ctrl-C stops it.

    Every option may also be a VAREON_* variable, or a line of vareon.toml.

    \b
    Examples:
      vareon up
      vareon up --port 9000 --data-dir ./data
    """
    sys.exit(parent.run(flags))
