"""Letters reach people through a mail server that refuses, is down, or wants to be sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_server import MailServer
from tests.support.people import outbox, posted
from tests.support.system import InProcessSystem

pytestmark = pytest.mark.usefixtures("cheap_passwords")


def options(server: MailServer) -> dict[str, Any]:
    return {"smtp": server.settings}


async def register(system: InProcessSystem, name: str) -> None:
    body = {"username": name, "email": f"{name}@example.org", "password": "long enough"}
    assert (await posted(system.client(), "/api/register", **body))[0] == 200


async def test_a_recipient_that_is_refused_for_good_is_not_tried_again(tmp_path: Path) -> None:
    """The outbox says why; the next letter goes its way."""
    refused = {"bea@example.org": "550 5.1.1 No such person here"}
    async with (
        MailServer(refused) as server,
        InProcessSystem(tmp_path, options=options(server)) as system,
    ):
        await register(system, "bea")
        await register(system, "cid")
        await server.letter_to("cid@example.org")
        cid, bea = await outbox(system, "failed", "sent")
    assert (cid["status"], cid["attempts"], cid["error"]) == ("sent", 1, None)
    assert (bea["status"], bea["attempts"]) == ("failed", 1)
    assert bea["error"] == "550 5.1.1 No such person here"
    assert server.tried == 2


async def test_a_recipient_that_is_refused_for_now_is_tried_again(tmp_path: Path) -> None:
    """Until the server takes it, and it takes it once."""
    refused = {"bea@example.org": "450 4.2.1 Come back later"}
    async with (
        MailServer(refused) as server,
        InProcessSystem(tmp_path, options=options(server)) as system,
    ):
        await register(system, "bea")
        await server.tries(1)
        refused.clear()
        await server.letter_to("bea@example.org")
        (bea,) = await outbox(system, "sent")
    assert (bea["attempts"], bea["error"]) == (2, None)
    assert len(server.letters) == 1


async def test_a_letter_outlives_a_server_that_is_down_and_a_restart(tmp_path: Path) -> None:
    """It was committed with the account, so it is sent whatever ended meanwhile; once."""
    server = MailServer()
    async with InProcessSystem(tmp_path, options=options(server)) as system:
        await register(system, "bea")
        (bea,) = await outbox(system, "waiting")
    async with server, InProcessSystem(tmp_path, options=options(server)) as system:
        letter = await server.letter_to("bea@example.org")
        (sent,) = await outbox(system, "sent")
    assert sent["id"] == bea["id"]
    assert letter["Message-ID"] == f"<{bea['id']}@example.org>"
    assert len(server.letters) == 1


async def test_the_line_is_encrypted_and_the_sender_known(tmp_path: Path) -> None:
    """STARTTLS with a certificate that is checked, and a password from a file."""
    async with (
        MailServer(folder=tmp_path) as server,
        InProcessSystem(tmp_path / "data", options=options(server)) as system,
    ):
        await register(system, "bea")
        await server.letter_to("bea@example.org")
        (bea,) = await outbox(system, "sent")
    assert (server.encrypted, bea["attempts"]) == ([True], 1)


async def test_a_certificate_that_nobody_vouches_for_gets_no_letter(tmp_path: Path) -> None:
    """And no password: the handshake ends before."""
    async with MailServer(folder=tmp_path) as server:
        smtp = server.settings
        distrusting = type(smtp)(
            smtp.host, smtp.port, smtp.sender, smtp.tls, smtp.user, smtp.password_file
        )
        wanted = {"smtp": distrusting}
        async with InProcessSystem(tmp_path / "data", options=wanted) as system:
            await register(system, "bea")
            mails = await outbox(system, "waiting")
            while mails[0]["error"] is None:
                mails = await outbox(system, "waiting")
    assert "certificate" in mails[0]["error"].lower()
    assert server.letters == []
