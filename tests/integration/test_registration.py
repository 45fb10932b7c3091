"""Registering, verifying and signing in, by letter and by the terminal."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.mail_server import MailServer, link_in
from tests.support.people import carried, outbox, posted, signed_in
from tests.support.system import InProcessSystem
from vareon_runtime import telemetry

BEA = {"username": "bea", "email": "Bea+news@example.org", "password": "long enough"}


pytestmark = pytest.mark.usefixtures("cheap_passwords")


async def test_register_verify_and_sign_in(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """The whole way, with the letter between; before it, and with a wrong token, there is none."""
    client = mailing.client()
    status, body = await posted(client, "/api/register", **BEA)
    assert (status, "letter" in body["message"]) == (200, True)
    status, body = await signed_in(client, "bea", BEA["password"])
    assert (status, body["detail"].startswith("Email not verified.")) == (403, True)
    assert (await signed_in(client, "bea", "wrong password"))[0] == 401

    letter = await mail_server.letter_to(BEA["email"])
    link = link_in(letter)
    assert link.startswith("https://vareon.example.org/verify-email?token=")
    page = letter.get_body(("html",))
    assert page is not None
    assert link.replace("&", "&amp;") in page.get_content()
    given = carried(link)
    assert given["email"] == BEA["email"]

    for wrong, expected in (
        ({**given, "token": "x" * 43}, (400, "Invalid verification token.")),
        ({**given, "email": "cid@example.org"}, (400, "Invalid verification token.")),
        ({"email": "nobody@example.org", "token": "x"}, (404, "User not found.")),
    ):
        status, body = await posted(client, "/api/verify-email", **wrong)
        assert (status, body["detail"]) == expected
    assert (await signed_in(client, "bea", BEA["password"]))[0] == 403
    for _ in range(2):
        status, body = await posted(client, "/api/verify-email", **given)
        assert (status, body["status"]) == (200, "success")

    for login in ("bea", "BEA", "bea+NEWS@example.org"):
        status, body = await signed_in(client, login, BEA["password"])
        assert status == 200, login
    async with mailing.client(body["access_token"]).get("/api/users/me") as response:
        me = await response.json()
    assert (me["username"], me["email"], me["is_verified"]) == ("bea", BEA["email"], True)
    assert me["roles"][0]["name"] == "member"
    assert {"id": "arcana:chat", "name": "arcana:chat"} in me["roles"][0]["permissions"]
    assert (me["verification_token"], me["demo_credits"], me["subscriptions"]) == (None, 0, [])

    mails = await outbox(mailing, "sent")
    assert [(one["recipient"], one["link"]) for one in mails] == [(BEA["email"], None)]
    async with mailing.admin().get(f"/api/system/mail/{mails[0]['id']}") as response:
        assert await response.json() == mails[0]
    async with mailing.client(body["access_token"]).get("/api/system/mail") as response:
        assert response.status == 403


async def test_names_and_addresses_are_taken_whatever_their_case(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """By whoever has them, an administrator's making included."""
    client = mailing.client()
    assert (await posted(client, "/api/register", **BEA))[0] == 200
    for changes, detail in (
        ({"email": "other@example.org"}, "Username already registered"),
        ({"username": "Bea", "email": "other@example.org"}, "Username already registered"),
        ({"username": "ADMIN", "email": "other@example.org"}, "Username already registered"),
        ({"username": "other"}, "Email already registered"),
        ({"username": "other", "email": BEA["email"].upper()}, "Email already registered"),
    ):
        status, body = await posted(client, "/api/register", **{**BEA, **changes})
        assert (status, body["detail"]) == (400, detail)
    for wrong in (
        {"username": "cid@example.org", "email": "dora@example.org"},
        {"username": "cid", "email": "nowhere"},
        {"username": "c d", "email": "cid@example.org"},
        {"username": "cid", "email": "cid@example.org", "password": "short"},
        {"username": "cid", "email": "c\u0000d@example.org"},
    ):
        assert (await posted(client, "/api/register", **{**BEA, **wrong}))[0] == 422, wrong
    made = {"username": "BEA", "password": "long enough"}
    async with mailing.admin().post("/api/users", json=made) as response:
        assert response.status == 409


async def test_without_a_mail_server_the_link_is_in_the_terminal_and_the_outbox(
    system: InProcessSystem,
) -> None:
    """And the rest is the same."""
    client = system.client()
    status, body = await posted(client, "/api/register", **BEA)
    assert (status, "terminal" in body["message"]) == (200, True)
    told = await system.told("letter")
    assert told["recipient"] == BEA["email"]
    assert told["link"].startswith(f"{system.url}/verify-email?token=")
    (kept,) = await outbox(system, "kept")
    assert kept["link"] == told["link"]
    assert (await posted(client, "/api/verify-email", **carried(told["link"])))[0] == 200
    assert (await signed_in(client, "bea", BEA["password"]))[0] == 200


@pytest.mark.parametrize("allowed", ["invited", "closed"])
async def test_registration_may_be_closed(tmp_path: Path, allowed: str) -> None:
    """Nobody gets in, and nothing is told of who is there."""
    async with InProcessSystem(tmp_path, options={"registration": allowed}) as system:
        for body in (BEA, {**BEA, "username": "admin"}):
            status, answer = await posted(system.client(), "/api/register", **body)
            assert (status, "administrator" in answer["detail"]) == (403, True)
        async with system.admin().get("/api/system/mail") as response:
            assert await response.json() == []


async def test_a_second_letter_is_asked_for_alike_by_everybody(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """The answer tells nothing; and a minute must pass between two of them."""
    client = mailing.client()
    await posted(client, "/api/register", **BEA)
    await mail_server.letter_to(BEA["email"])
    answers = [
        await posted(client, "/api/verify-email/resend", email=address)
        for address in (BEA["email"], "nobody@example.org", "admin")
    ]
    assert answers == [answers[0]] * 3
    assert answers[0][0] == 200
    await posted(client, "/api/register", username="cid", email="cid@example.org", password="x" * 9)
    await mail_server.letter_to("cid@example.org")
    assert [str(one["To"]) for one in mail_server.letters] == [BEA["email"], "cid@example.org"]


async def test_the_link_of_a_letter_opens_a_page_that_uses_nothing_up(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """Programs that look at letters open links too."""
    client = mailing.client()
    await posted(client, "/api/register", **BEA)
    given = carried(link_in(await mail_server.letter_to(BEA["email"])))
    for path in ("/register", "/verify-email", "/forgot-password", "/reset-password"):
        async with client.get(path, params=given) as response:
            assert (response.status, response.content_type) == (200, "text/html")
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            assert response.headers["Referrer-Policy"] == "no-referrer"
    assert (await posted(client, "/api/verify-email", **given))[0] == 200


async def test_no_log_holds_a_token(mailing: InProcessSystem, mail_server: MailServer) -> None:
    """Nor an address or a password, whatever goes well or wrong."""
    heard = Heard()
    log = logging.getLogger("vareon")
    level = log.level
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    try:
        client = mailing.client()
        await posted(client, "/api/register", **BEA)
        given = carried(link_in(await mail_server.letter_to(BEA["email"])))
        await posted(client, "/api/verify-email", **{**given, "token": "wrong-token"})
        await posted(client, "/api/verify-email", **given)
        await posted(client, "/api/password/forgot", email=BEA["email"])
        letter = await mail_server.letter_to(BEA["email"], "new password")
        reset = carried(link_in(letter))["token"]
        await posted(client, "/api/password/reset", token=reset, password="a new password")
        await mail_server.letter_to(BEA["email"], "was changed")
        telemetry.event("heard")
    finally:
        log.setLevel(level)
        log.removeHandler(heard)
    text = "\n".join(heard.lines)
    assert '"heard"' in text
    for secret in (given["token"], reset, "wrong-token", "a new password", *BEA.values()):
        assert secret not in text


class Heard(logging.Handler):
    """What is written to the log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(telemetry.JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
