"""Registering and verifying, as the account's entity decides it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from actors.accounts.correspondence import LETTERS_IN_AN_HOUR, PAUSE_S
from actors.accounts.messages import (
    ChangeAccount,
    ChangePassword,
    CreateUser,
    IssueReset,
    RegisterUser,
    ResendVerification,
    ResetPassword,
    VerifyEmail,
)
from actors.accounts.registration import UNVERIFIED_LIFE_S, VERIFICATION_LIFE
from actors.accounts.user import User
from actors.mail.messages import SendMail
from tests.support.workbench import ADMIN, ANN, Workbench, texts_of
from vareon_runtime.errors import Conflict, InvalidMessage, NotPermitted, QuotaExceeded
from vareon_runtime.identity import EntityId, Principal
from vareon_runtime.models import UserLoginRow, UserRow, token_hash

DORA = Principal("dora-id", ("member",))
DORA_ID = EntityId("user", DORA.user_id)


def letters(bench: Workbench, template: str) -> list[SendMail]:
    return [
        message
        for _, message in bench.sent
        if isinstance(message, SendMail) and message.template == template
    ]


def token_in(letter: SendMail) -> str:
    parts = urlsplit(letter.link)
    return parse_qs(parts.query or parts.fragment)["token"][0]


async def registered(bench: Workbench, *, verified: bool = True) -> Any:
    dora = bench.entity(User, DORA.user_id)
    await bench.ask(dora, RegisterUser("dora", "dora@example.org", "hash"), ADMIN)
    if verified:
        token = token_in(letters(bench, "verify")[-1])
        await bench.ask(dora, VerifyEmail(token_hash(token)), ADMIN)
    return dora


async def logins(bench: Workbench) -> list[str]:
    statement = select(UserLoginRow.login).where(UserLoginRow.user_id == DORA.user_id)
    return sorted(texts_of(await bench.read(statement), "login"))


async def test_a_token_is_used_once_and_in_time(bench: Workbench) -> None:
    """Only its hash is stored."""
    dora = await registered(bench, verified=False)
    token = token_in(letters(bench, "verify")[0])
    (row,) = await bench.read(UserRow.__table__.select().where(UserRow.id == DORA.user_id))
    assert token not in repr(row)
    assert (row.is_verified, row.verification_hash) == (False, token_hash(token))
    with pytest.raises(InvalidMessage, match="Invalid verification token"):
        await bench.ask(dora, VerifyEmail(token_hash("another")), ADMIN)
    bench.clock.now_s += VERIFICATION_LIFE.total_seconds()
    with pytest.raises(InvalidMessage, match="Verification token expired"):
        await bench.ask(dora, VerifyEmail(token_hash(token)), ADMIN)
    await bench.ask(dora, ResendVerification(), ADMIN)
    second = token_in(letters(bench, "verify")[1])
    assert second != token
    assert await bench.ask(dora, VerifyEmail(token_hash(second)), ADMIN)
    with pytest.raises(InvalidMessage):
        await bench.ask(dora, VerifyEmail(token_hash(second)), ADMIN)
    assert (DORA_ID, "unverified") not in bench.reminders


async def test_an_account_that_nobody_verifies_goes_away(bench: Workbench) -> None:
    """With its name."""
    dora = await registered(bench, verified=False)
    due_s = bench.reminders[DORA_ID, "unverified"]
    assert due_s - bench.clock.now_s == pytest.approx(UNVERIFIED_LIFE_S, abs=10)
    await bench.tick(dora, "unverified")
    assert not dora.exists
    assert await logins(bench) == []


async def test_letters_are_few(bench: Workbench) -> None:
    """A minute between two of a kind, and five in an hour; silently, for strangers ask too."""
    dora = await registered(bench, verified=False)
    for _ in range(20):
        await bench.ask(dora, ResendVerification(), ADMIN)
    assert len(letters(bench, "verify")) == 1
    for _ in range(20):
        bench.clock.now_s += PAUSE_S
        await bench.ask(dora, ResendVerification(), ADMIN)
    assert len(letters(bench, "verify")) == LETTERS_IN_AN_HOUR
    bench.clock.now_s += 3600
    await bench.ask(dora, ResendVerification(), ADMIN)
    assert len(letters(bench, "verify")) == LETTERS_IN_AN_HOUR + 1
    await bench.ask(dora, IssueReset(), ADMIN)
    assert len(letters(bench, "reset")) == 1, "another kind has a count of its own"


async def test_names_and_e_mails_are_unique_without_regard_to_case(bench: Workbench) -> None:
    """Together: no name is another's e-mail."""
    await registered(bench)
    assert await logins(bench) == ["dora", "dora@example.org"]
    for number, message in enumerate(
        (
            CreateUser("DORA", "hash"),
            CreateUser("emil", "hash", email="Dora@Example.org"),
            CreateUser("dora@example.org", "hash"),
            RegisterUser("Dora", "emil@example.org", "hash"),
        )
    ):
        with pytest.raises(IntegrityError):
            await bench.ask(bench.entity(User, f"emil-{number}"), message, ADMIN)
    own = RegisterUser("fay@example.org", "Fay@example.org", "hash")
    await bench.ask(bench.entity(User, "fay"), own, ADMIN)
    with pytest.raises(InvalidMessage, match="must be the e-mail itself"):
        foreign = RegisterUser("a@b.example", "gil@example.org", "x")
        await bench.ask(bench.entity(User, "gil"), foreign, ADMIN)


async def test_only_the_system_says_what_was_shown_to_it(bench: Workbench) -> None:
    """A member cannot verify, reset or register by a message of their own."""
    dora = await registered(bench)
    for message in (
        RegisterUser("a", "a@example.org", "hash"),
        VerifyEmail("hash"),
        ResetPassword("hash", "hash"),
    ):
        for who in (ANN, DORA):
            with pytest.raises(NotPermitted):
                await bench.ask(dora, message, who)


async def test_another_e_mail_is_a_promise_until_it_is_verified(bench: Workbench) -> None:
    """A new password calls it off."""
    dora = await registered(bench)
    await bench.ask(dora, ChangeAccount(email="new@example.org"), DORA)
    assert dora.state.email == "dora@example.org"
    assert [one.recipient for one in letters(bench, "email_changing")] == ["dora@example.org"]
    with pytest.raises(QuotaExceeded):
        await bench.ask(dora, ChangeAccount(email="third@example.org"), DORA)
    token = token_in(letters(bench, "verify_change")[0])
    await bench.ask(dora, ChangePassword("new hash", replacing="hash"), DORA)
    with pytest.raises(InvalidMessage):
        await bench.ask(dora, VerifyEmail(token_hash(token)), ADMIN)
    assert dora.state.pending_email is None
    bench.clock.now_s += PAUSE_S
    await bench.ask(dora, ChangeAccount(email="new@example.org"), DORA)
    token = token_in(letters(bench, "verify_change")[1])
    await bench.ask(dora, VerifyEmail(token_hash(token)), ADMIN)
    assert await logins(bench) == ["dora", "new@example.org"]
    await bench.ask(dora, ChangeAccount(email="NEW@example.org"), DORA)
    assert dora.state.email == "NEW@example.org"
    assert len(letters(bench, "verify_change")) == 2, "the same address needs no proof"


async def test_a_reset_token_is_used_once_and_in_time(bench: Workbench) -> None:
    """It verifies, and raises the version that tokens carry."""
    dora = await registered(bench, verified=False)
    await bench.ask(dora, IssueReset(), ADMIN)
    token = token_hash(token_in(letters(bench, "reset")[0]))
    version = dora.state.token_version
    bench.clock.now_s += timedelta(hours=1).total_seconds()
    with pytest.raises(InvalidMessage):
        await bench.ask(dora, ResetPassword(token, "new hash"), ADMIN)
    await bench.ask(dora, IssueReset(), ADMIN)
    token = token_hash(token_in(letters(bench, "reset")[1]))
    await bench.ask(dora, ResetPassword(token, "new hash"), ADMIN)
    assert (dora.state.hashed_password, dora.state.is_verified) == ("new hash", True)
    assert dora.state.token_version == version + 1
    with pytest.raises(InvalidMessage):
        await bench.ask(dora, ResetPassword(token, "newer hash"), ADMIN)


async def test_a_password_is_replaced_only_by_whoever_knew_the_latest(bench: Workbench) -> None:
    """Two changes at once: the second is told."""
    dora = await registered(bench)
    await bench.ask(dora, ChangePassword("new hash", replacing="hash"), DORA)
    with pytest.raises(Conflict):
        await bench.ask(dora, ChangePassword("newer hash", replacing="hash"), DORA)
