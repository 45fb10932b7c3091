"""Asking a running instance over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from web.cli.instance import Target, refusal, unreachable

PATIENCE_S = 30.0


def ask(target: Target, method: str, path: str, body: Any = None) -> Any:
    """``call``, for commands that ask one thing."""
    return asyncio.run(call(target, method, path, body))


async def call(target: Target, method: str, path: str, body: Any = None) -> Any:
    """One request with a JSON body, or none; returns the JSON of the answer.

    Raises:
        click.ClickException: If nothing answers, or it refuses: with its own sentence.
    """
    import aiohttp

    headers = {"Authorization": f"Bearer {target.token}"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.request(
                method, target.url + path, json=body, ssl=target.tls or True
            ) as response,
        ):
            answer = await response.json(content_type=None)
    except aiohttp.ClientConnectorCertificateError as error:
        raise click.ClickException(
            f"{target.url} shows a certificate that is not trusted here "
            f"({error.certificate_error}): name its authority in SSL_CERT_FILE"
        ) from None
    except aiohttp.InvalidURL:
        raise click.ClickException(
            f"'{target.url}' is no address: give one like http://127.0.0.1:8480"
        ) from None
    except aiohttp.ClientConnectorError:
        raise click.ClickException(unreachable(target.url)) from None
    except TimeoutError:
        raise click.ClickException(
            f"{target.url} has not answered in {PATIENCE_S:.0f} s: `vareon doctor` may know why"
        ) from None
    except aiohttp.ClientError:
        raise click.ClickException(
            f"the connection to {target.url} was lost before the answer came: look whether it was "
            "done before you do it again"
        ) from None
    except ValueError:
        if response.ok:
            raise click.ClickException(
                f"what {target.url} answered is no JSON: is Vareon at this address?"
            ) from None
        answer = None
    if not response.ok:
        told = answer if isinstance(answer, dict) else {}
        raise click.ClickException(refusal(told, response.status))
    return answer
