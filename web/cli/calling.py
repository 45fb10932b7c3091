"""Asking a running instance over HTTP."""

from __future__ import annotations

from typing import Any

import click

from web.cli.instance import Target, refusal, unreachable

PATIENCE_S = 30.0


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
    except (aiohttp.ClientError, TimeoutError):
        raise click.ClickException(unreachable(target.url)) from None
    except ValueError:
        answer = {}
    if not response.ok:
        raise click.ClickException(refusal(answer or {}, response.status))
    return answer
