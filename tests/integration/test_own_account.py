"""What people do with their own account: passwords, another e-mail, an export, leaving."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any

import aiohttp

from tests.support.mail_server import MailServer, link_in
from tests.support.people import (
    PATIENCE_S,
    carried,
    me_of,
    member,
    outbox,
    posted,
    signed_in,
)
from tests.support.system import InProcessSystem

OLD, NEW = "long enough", "another long one"


async def put(client: aiohttp.ClientSession, **changes: Any) -> tuple[int, Any]:
    async with client.put("/api/users/me", json=changes) as response:
        return response.status, await response.json()


async def delete(
    client: aiohttp.ClientSession, password: str, **headers: str
) -> tuple[int, dict[str, Any]]:
    body = {"password": password}
    async with client.delete("/api/users/me", json=body, headers=headers) as response:
        return response.status, await response.json()


def rows(system: InProcessSystem, statement: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(system.data_dir / "vareon.db")) as connection:
        return connection.execute(statement, values).fetchall()


async def gone(system: InProcessSystem, user_id: str) -> None:
    """Wait until an account has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while rows(system, "SELECT 1 FROM users WHERE id = ?", user_id):
            await asyncio.sleep(0.02)


async def test_a_password_is_changed_by_whoever_knows_it(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """The old one is of no use any more, and the owner is told."""
    bea = await member(mailing, mail_server, "bea")
    path = "/api/users/me/password"
    assert (await posted(bea, path, old_password="wrong", new_password=NEW))[0] == 403
    assert (await posted(bea, path, old_password=OLD, new_password="short"))[0] == 422
    assert (await put(bea, password=NEW))[0] == 403
    assert (await signed_in(mailing.client(), "bea", OLD))[0] == 200
    before = rows(mailing, "SELECT token_version FROM users WHERE username = 'bea'")
    assert (await posted(bea, path, old_password=OLD, new_password=NEW))[0] == 200
    assert (await signed_in(mailing.client(), "bea", OLD))[0] == 401
    assert (await signed_in(mailing.client(), "bea", NEW))[0] == 200
    after = rows(mailing, "SELECT token_version FROM users WHERE username = 'bea'")
    assert after[0][0] == before[0][0] + 1
    await mail_server.letter_to("bea@example.org", "password was changed")
    again = await mailing.sign_in("bea", NEW)
    assert (await put(again, password=OLD, current_password=NEW))[0] == 200
    assert (await signed_in(mailing.client(), "bea", OLD))[0] == 200


async def test_a_forgotten_password_is_set_anew_by_letter(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """Once; strangers are answered alike; and an e-mail that was never verified is now."""
    client = mailing.client()
    body = {"username": "bea", "email": "bea@example.org", "password": OLD}
    await posted(client, "/api/register", **body)
    await mail_server.letter_to("bea@example.org")
    answers = [
        await posted(client, "/api/password/forgot", email=address)
        for address in ("bea@example.org", "nobody@example.org")
    ]
    assert answers[0] == answers[1]
    link = link_in(await mail_server.letter_to("bea@example.org", "new password"))
    assert link.startswith("https://vareon.example.org/reset-password#token=")
    token = carried(link)["token"]

    path = "/api/password/reset"
    status, refused = await posted(client, path, token="x" * 43, password=NEW)
    assert (status, refused["detail"]) == (400, "Invalid or expired reset token.")
    assert (await posted(client, path, token=token, password="short"))[0] == 422
    assert (await signed_in(client, "bea", OLD))[0] == 403
    assert (await posted(client, path, token=token, password=NEW))[0] == 200
    assert (await posted(client, path, token=token, password=OLD))[0] == 400
    assert (await signed_in(client, "bea", OLD))[0] == 401
    assert (await signed_in(client, "bea", NEW))[0] == 200
    await mail_server.letter_to("bea@example.org", "password was changed")

    await posted(client, "/api/password/forgot", email="bea@example.org")
    await posted(client, "/api/register", **{**body, "username": "cid", "email": "cid@example.org"})
    await mail_server.letter_to("cid@example.org")
    subjects = [str(one["Subject"]) for one in mail_server.letters]
    assert subjects.count("Set a new password") == 1, "a minute passes between two of a kind"


async def test_another_e_mail_counts_once_it_is_verified(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """Until then the old one does, and it hears of everything."""
    bea = await member(mailing, mail_server, "bea")
    await member(mailing, mail_server, "cid")
    status, refused = await put(bea, email="CID@example.org")
    assert (status, refused["detail"]) == (400, "Email already registered")
    status, me = await put(bea, email="new@example.org")
    assert (status, me["email"], me["pending_email"]) == (
        200,
        "bea@example.org",
        "new@example.org",
    )
    assert me["is_verified"] is True
    await mail_server.letter_to("bea@example.org", "about to change")
    link = link_in(await mail_server.letter_to("new@example.org"))
    assert (await put(bea, email="third@example.org"))[0] == 429
    client = mailing.client()
    assert (await signed_in(client, "bea@example.org", OLD))[0] == 200
    assert (await signed_in(client, "new@example.org", OLD))[0] == 401
    assert (await posted(client, "/api/verify-email", **carried(link)))[0] == 200
    assert (await signed_in(client, "new@example.org", OLD))[0] == 200
    assert (await signed_in(client, "bea@example.org", OLD))[0] == 401
    await mail_server.letter_to("bea@example.org", "was changed")
    me = await me_of(bea)
    assert (me["email"], me["pending_email"]) == ("new@example.org", None)
    body = {"username": "dora", "email": "bea@example.org", "password": OLD}
    assert (await posted(client, "/api/register", **body))[0] == 200, "the old one is free"


async def test_a_name_changes_at_once(mailing: InProcessSystem, mail_server: MailServer) -> None:
    """Unless it is somebody else's; the old one is free."""
    bea = await member(mailing, mail_server, "bea")
    for taken in ("admin", "Admin"):
        status, refused = await put(bea, username=taken)
        assert (status, refused["detail"]) == (400, "Username already taken")
    assert (await put(bea, username="b e a"))[0] == 422
    for name in ("BEA", "beatrice"):
        status, me = await put(bea, username=name)
        assert (status, me["username"]) == (200, name)
        assert (await signed_in(mailing.client(), name, OLD))[0] == 200
    assert (await signed_in(mailing.client(), "bea", OLD))[0] == 401
    body = {"username": "bea", "email": "other@example.org", "password": OLD}
    assert (await posted(mailing.client(), "/api/register", **body))[0] == 200


async def converse(client: aiohttp.ClientSession, count: int) -> list[str]:
    made = []
    for number in range(count):
        status, body = await posted(client, "/api/chat", message=f"message {number} \u00fc")
        assert status == 200, body
        made.append(body["conversation_id"])
    return made


async def test_an_export_holds_everything_and_no_secret(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """Whole even where it is longer than what is read at a time, and nobody else's is in it."""
    bea = await member(mailing, mail_server, "bea")
    cid = await member(mailing, mail_server, "cid")
    made = await converse(bea, 2)
    others = await converse(cid, 1)
    with closing(sqlite3.connect(mailing.data_dir / "vareon.db")) as connection, connection:
        (row,) = connection.execute("SELECT * FROM conversations WHERE id = ?", (made[0],))
        for number in range(450):
            connection.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)",
                (f"many-{number:04}", *row[1:]),
            )
        of_first = "SELECT * FROM chat_messages WHERE conversation_id = ?"
        found = connection.execute(of_first, made[:1])
        names = [column[0] for column in found.description]
        first = dict(zip(names, found.fetchone(), strict=True))
        for number in range(100):
            more = {**first, "id": f"more-{number}", "position": 10 + number}
            marks = ", ".join("?" * len(more))
            connection.execute(f"INSERT INTO chat_messages VALUES ({marks})", list(more.values()))
    async with bea.get("/api/users/me/export") as response:
        assert response.status == 200
        assert response.headers["Content-Disposition"].startswith("attachment")
        text = await response.text()
    export = json.loads(text)
    assert export["account"]["username"] == "bea"
    assert export["account"]["roles"] == ["member"]
    conversations = {one["id"]: one for one in export["conversations"]}
    assert len(conversations) == 452
    assert set(made) <= set(conversations)
    assert not set(others) & set(conversations)
    assert len(conversations[made[0]]["messages"]) == 102
    said = [one["message_content"] for one in conversations[made[1]]["messages"]]
    assert said[0] == "message 1 \u00fc"
    assert [one["recipient"] for one in export["mails"]] == ["bea@example.org"]
    for secret in ("hashed_password", "$2b$", "_hash", "verify-email", "cid@example.org"):
        assert secret not in text


async def test_an_export_holds_entities_of_ones_own(system: InProcessSystem) -> None:
    """And of nobody else's, though they have the same keys."""
    admin, bob = system.admin(), await system.new_user("bob")
    for client, numbers in ((bob, range(40)), (admin, range(2))):
        for number in numbers:
            path = f"/api/entities/counter/c{number:02}/Add"
            assert (await posted(client, path, amount=number))[0] == 200
    async with bob.get("/api/users/me/export") as response:
        entities = (await response.json())["entities"]
    assert [one["key"] for one in entities] == [f"c{number:02}" for number in range(40)]
    assert {one["kind"] for one in entities} == {"counter"}
    assert entities[7]["state"] == {"total": 7}


async def test_leaving_takes_everything_along(
    mailing: InProcessSystem, mail_server: MailServer
) -> None:
    """Nobody signs in at once; then all of it goes, and the name is free again."""
    bea = await member(mailing, mail_server, "bea")
    user_id = (await me_of(bea))["id"]
    made = await converse(bea, 3)
    async with bea.put("/api/arcana/llm/preferences", json={"temperature": 0.1}) as response:
        assert response.status == 200
    status, refused = await delete(bea, "wrong")
    assert (status, refused["detail"]) == (403, "The current password is wrong.")
    key = {"Idempotency-Key": "leaving"}
    assert (await delete(bea, OLD, **key))[0] == 200
    assert (await signed_in(mailing.client(), "bea", OLD))[0] == 401
    await mail_server.letter_to("bea@example.org", "deleted")
    await gone(mailing, user_id)
    assert rows(mailing, "SELECT * FROM user_llm_preferences WHERE id = ?", user_id) == []
    for table in ("conversations", "chat_messages", "mails", "user_logins", "user_roles"):
        assert rows(mailing, f"SELECT * FROM {table} WHERE user_id = ?", user_id) == [], table
    for key_of_theirs in (user_id, *made):
        of_theirs = "SELECT kind, deleted, state FROM entities WHERE key = ?"
        for kind, deleted, state in rows(mailing, of_theirs, key_of_theirs):
            assert (deleted, b"bea" in state, b"message" in state) == (1, False, False), kind
    body = {"username": "bea", "email": "bea@example.org", "password": NEW}
    assert (await posted(mailing.client(), "/api/register", **body))[0] == 200
    farewell = [one for one in await outbox(mailing, "sent") if one["user_id"] is None]
    assert [one["template"] for one in farewell] == ["account_closed"]
