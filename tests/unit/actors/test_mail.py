"""Letters: what is in them, how often they are tried, and when they are given up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from actors.mail.letter import FOLDER, TEMPLATES, letter, subject_of
from actors.mail.mail import KEPT_FOR_S, LONGEST_WAIT_S, Mail
from actors.mail.messages import DeleteMail, SendMail
from actors.mail.post_office import AGAIN, KEPT, REFUSED, SENT, Dispatched, PostOffice
from tests.support.workbench import ADMIN, ANN, BOB, Workbench
from vareon_runtime.clock import utc
from vareon_runtime.errors import InvalidMessage, NotFound, NotPermitted, Unavailable
from vareon_runtime.identity import EntityId
from vareon_runtime.models import MailRow

AGAIN_AT = (EntityId("mail", "m1"), "again")


class Counter:
    """A post office that answers as it is told."""

    def __init__(self, answer: Dispatched) -> None:
        self.answer = answer
        self.asked: list[tuple[str, SendMail]] = []

    async def dispatch(self, mail_id: str, asked: SendMail) -> Dispatched:
        self.asked.append((mail_id, asked))
        return self.answer


async def sending(bench: Workbench, office: Counter, **changes: Any) -> Mail:
    bench.resources[PostOffice] = office
    mail = bench.entity(Mail, "m1")
    asked = {"user_id": ANN.user_id, "template": "verify", "recipient": "ann@example.org"}
    message: Any = SendMail(**{**asked, "link": "/x?token=secret", **changes})
    await bench.ask(mail, message, ADMIN)
    assert isinstance(mail, Mail)
    return mail


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_letter_can_be_written(template: str) -> None:
    """In text and as a page, with nothing left open and nothing unescaped."""
    link = "https://v.example/x?a=1&b=2"
    written = letter(template, username="<b>bea</b>", link=link, site="https://v.example")
    assert written.subject == subject_of(template)
    assert "$" not in written.text + written.page
    assert "<b>bea</b>" in written.text
    assert "<b>bea" not in written.page
    assert "&lt;b&gt;bea&lt;/b&gt;" in written.page
    if link in written.text:
        assert 'href="https://v.example/x?a=1&amp;b=2"' in written.page


def test_every_file_is_a_letter() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == sorted(TEMPLATES)
    with pytest.raises(InvalidMessage):
        subject_of("../layout")


async def test_a_letter_that_has_gone_keeps_no_link(bench: Workbench) -> None:
    mail = await sending(bench, Counter(Dispatched(SENT)))
    await bench.run_effect()
    assert (mail.state.status, mail.state.attempts, mail.state.asked) == ("sent", 1, None)
    assert "secret" not in repr(mail.state)


async def test_without_a_server_the_link_is_kept(bench: Workbench) -> None:
    mail = await sending(bench, Counter(Dispatched(KEPT, link="https://v/x?token=secret")))
    await bench.run_effect()
    assert (mail.state.status, mail.state.link) == ("kept", "https://v/x?token=secret")


async def test_it_is_tried_again_ever_later_until_it_is_of_no_use(bench: Workbench) -> None:
    """One second, two, four; never more than a quarter of an hour; given up with its link."""
    office = Counter(Dispatched(AGAIN, "nobody is there"))
    mail = await sending(bench, office, expires_at=utc(bench.clock.now_s) + timedelta(hours=1))
    waits = []
    while True:
        await bench.run_effect()
        if AGAIN_AT not in bench.reminders:
            break
        waits.append(round(bench.reminders[AGAIN_AT] - bench.clock.now_s))
        await bench.tick(mail, "again")
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) <= LONGEST_WAIT_S
    assert 1800 < sum(waits) < 3600
    assert (mail.state.status, mail.state.error) == ("failed", "nobody is there")
    assert mail.state.asked is None
    assert {mail_id for mail_id, _ in office.asked} == {"m1"}, "under one id"


async def test_what_is_refused_for_good_is_given_up(bench: Workbench) -> None:
    mail = await sending(bench, Counter(Dispatched(REFUSED, "550 no such person")))
    await bench.run_effect()
    assert (mail.state.status, mail.state.error) == ("failed", "550 no such person")
    assert AGAIN_AT not in bench.reminders


async def test_something_unforeseen_is_tried_again(bench: Workbench) -> None:
    mail = await sending(bench, Counter(Dispatched(SENT)))
    await bench.run_effect(Unavailable("?"))
    assert (mail.state.status, mail.state.error) == ("waiting", "unavailable")
    await bench.tick(mail, "again")
    await bench.run_effect()
    assert mail.state.status == "sent"


async def test_letters_are_forgotten(bench: Workbench) -> None:
    """After a month."""
    mail = await sending(bench, Counter(Dispatched(SENT)))
    due_s = bench.reminders[EntityId("mail", "m1"), "forget"]
    assert due_s - bench.clock.now_s == pytest.approx(KEPT_FOR_S, abs=10)
    await bench.tick(mail, "forget")
    assert not mail.exists
    assert await bench.read(MailRow.__table__.select()) == []


async def test_nobody_writes_letters_by_themselves(bench: Workbench) -> None:
    """Or takes those of others away."""
    mail = await sending(bench, Counter(Dispatched(SENT)))
    own: Any = SendMail(ANN.user_id, "verify", "x@example.org")
    with pytest.raises(NotPermitted):
        await bench.ask(bench.entity(Mail, "m2"), own, ANN)
    with pytest.raises(NotFound):
        await bench.ask(mail, DeleteMail(), BOB)
    await bench.ask(mail, DeleteMail(), ANN)
    assert not mail.exists
