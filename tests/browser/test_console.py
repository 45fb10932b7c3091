"""The page at ``/`` in a real browser, against the whole system in one process."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from actors.bootstrap import build_host
from tests.browser.console import ANSWER_TIME_MS, Console
from tests.support.system import ADMIN_PASSWORD, InProcessSystem
from tests.support.upstream import Upstream

pytestmark = pytest.mark.browser

NOT_SIGNED_IN = (401, "GET", "/api/users/me")
WRONG_PASSWORD = (401, "POST", "/api/token")
WORDS = " ".join(f"word{number}" for number in range(1, 11))


async def _signed_in(browser: Browser, system: InProcessSystem) -> Console:
    context = await browser.new_context()
    console = Console(await context.new_page(), system.url)
    await console.open()
    await console.sign_in("admin", ADMIN_PASSWORD)
    await console.expect_signed_in()
    return console


async def test_a_wrong_password_is_refused_and_the_right_one_signs_in(
    browser: Browser, system: InProcessSystem
) -> None:
    """The page says what was wrong, and lets one try again."""
    console = Console(await browser.new_page(), system.url)
    await console.open()
    await console.sign_in("admin", "not the password")
    await expect(console.page.get_by_role("alert")).to_have_text("Incorrect username or password")
    await console.sign_in("admin", ADMIN_PASSWORD)
    await console.expect_signed_in()
    await expect(console.page.locator(".self")).to_contain_text("admin")
    console.watch.assert_clean(NOT_SIGNED_IN, WRONG_PASSWORD)


async def test_an_answer_appears_piece_by_piece(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """Its first word is on the page while the model still holds back the rest."""
    upstream.script("gate")
    console = await _signed_in(browser, system)
    await console.say(WORDS)
    growing = console.answers.nth(0).locator(".text")
    await expect(growing).to_have_text("(1)", timeout=ANSWER_TIME_MS)
    await expect(console.stop_button).to_be_visible()
    upstream.release()
    await console.expect_answer(0, f"(1) You said: {WORDS}")
    await expect(console.stop_button).to_be_hidden()
    await expect(console.page.get_by_role("heading", level=1)).to_have_text(WORDS[:50])
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_an_answer_can_be_stopped(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """What was shown is marked as not kept, and the next message is answered."""
    upstream.script("stall")
    console = await _signed_in(browser, system)
    await console.say("first")
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    await console.stop_button.click()
    await expect(console.answers.nth(0)).to_contain_text("Stopped")
    await console.say("second")
    await console.expect_answer(1, "(2) You said: second")
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_a_message_sent_while_an_answer_streams_is_answered_next(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """Each answer stands under its question."""
    upstream.script("gate", "ok")
    console = await _signed_in(browser, system)
    await console.say("first")
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    await console.say("second")
    await expect(console.page.get_by_text("Waiting for its turn")).to_be_visible()
    upstream.release()
    await console.expect_answer(0, "(1) You said: first")
    await console.expect_answer(1, "(3) You said: second")
    shown = await console.page.locator("#turns").inner_text()
    assert shown.index("You said: first") < shown.index("\nsecond")
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_a_reload_shows_the_history(browser: Browser, system: InProcessSystem) -> None:
    """The session, the open conversation and everything said in it are there again."""
    console = await _signed_in(browser, system)
    await console.say("remember this")
    await console.expect_answer(0, "(1) You said: remember this")
    await console.page.reload()
    await console.expect_signed_in()
    await console.expect_said("remember this")
    await console.expect_answer(0, "(1) You said: remember this")
    await expect(console.conversations).to_have_text(["remember this"])
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_two_pages_see_the_same_conversation(
    browser: Browser, system: InProcessSystem
) -> None:
    """What is said on one appears on the other, with its answer."""
    first = await _signed_in(browser, system)
    await first.say("from the first page")
    await first.expect_answer(0, "(1) You said: from the first page")
    second = Console(await first.page.context.new_page(), system.url)
    await second.open(first.page.url.partition("/#")[2].join(("#", "")))
    await second.expect_answer(0, "(1) You said: from the first page")
    await second.say("from the second page")
    await second.expect_answer(1, "(3) You said: from the second page")
    await first.expect_said("from the second page")
    await first.expect_answer(1, "(3) You said: from the second page")
    first.watch.assert_clean(NOT_SIGNED_IN)
    second.watch.assert_clean()


async def test_a_failing_model_is_explained(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """The page names the trouble, and asking again works."""
    upstream.script("429", "ok")
    console = await _signed_in(browser, system)
    await console.say("hello")
    failed = console.answers.nth(0)
    await expect(failed).to_contain_text("asks us to slow down", timeout=ANSWER_TIME_MS)
    await failed.get_by_role("button", name="Ask again").click()
    await console.expect_answer(1, "(2) You said: hello")
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_markup_in_an_answer_is_shown_and_never_run(
    browser: Browser, system: InProcessSystem
) -> None:
    """Markdown becomes nodes; everything else stays text."""
    console = await _signed_in(browser, system)
    await console.say("**bold** `code` <img src=x onerror=alert(1)>")
    text = console.answers.nth(0).locator(".text")
    await expect(text.locator("strong")).to_have_text("bold", timeout=ANSWER_TIME_MS)
    await expect(text.locator("code")).to_have_text("code")
    await expect(text).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(text.locator("img")).to_have_count(0)
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_a_conversation_can_be_deleted(browser: Browser, system: InProcessSystem) -> None:
    """It leaves the list, and the page is ready for a new one."""
    console = await _signed_in(browser, system)
    await console.say("gone soon")
    await console.expect_answer(0, "(1) You said: gone soon")
    await console.page.get_by_role("button", name="Delete “gone soon”").click()
    await console.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(console.conversations).to_have_count(0)
    await expect(console.answers).to_have_count(0)
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_signing_out_ends_the_session(browser: Browser, system: InProcessSystem) -> None:
    """After it a reload asks for the password again."""
    console = await _signed_in(browser, system)
    await console.page.get_by_role("button", name="Sign out").click()
    await expect(console.page.get_by_label("Password")).to_be_visible()
    await console.page.reload()
    await expect(console.page.get_by_label("Password")).to_be_visible()
    console.watch.assert_clean(NOT_SIGNED_IN, NOT_SIGNED_IN)


async def test_a_restarted_front_door_costs_the_reader_nothing(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """The page connects again and goes on where it was."""
    upstream.script("gate")
    console = await _signed_in(browser, system)
    await console.say(WORDS)
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    assert system.front_door is not None
    await system.front_door.stop()
    system.events.clear()
    await system.start_front_door()
    await system.told("ready")
    upstream.release()
    await console.expect_answer(0, f"(1) You said: {WORDS}")
    await console.expect_said(WORDS)
    await expect(console.page.locator("#state")).to_be_hidden()
    assert console.watch.strangers == []


async def test_a_restarted_host_answers_again(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """What was shown of the interrupted answer is replaced, not continued."""
    upstream.script("stall", "ok")
    console = await _signed_in(browser, system)
    await console.say(WORDS)
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    assert system.host is not None
    await system.host.stop()
    system.host = await build_host(system.settings, "host")
    await system.host.start()
    await console.expect_answer(0, f"(1) You said: {WORDS}")
    await expect(console.answers).to_have_count(1)
    console.watch.assert_clean(NOT_SIGNED_IN)


async def test_the_bell_counts_what_happened_elsewhere(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """An answer to a conversation that is not looked at; following it makes it read."""
    upstream.script("gate")
    console = await _signed_in(browser, system)
    other = Console(await console.page.context.new_page(), system.url)
    await other.open()
    await other.expect_signed_in()
    await console.say(WORDS)
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    await console.page.get_by_role("button", name="New conversation").click()
    upstream.release()
    for page in (console.page, other.page):
        await expect(page.get_by_role("button", name="Notifications, 1 unread")).to_be_visible()
    await console.page.get_by_role("button", name="Notifications, 1 unread").click()
    notices = console.page.get_by_role("region", name="Notifications")
    await notices.get_by_role("link", name="An answer is ready").click()
    await expect(notices).to_be_hidden()
    await console.expect_answer(0, f"(1) You said: {WORDS}")
    for page in (console.page, other.page):
        await expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()
    await other.page.get_by_role("button", name="Notifications").click()
    await other.page.get_by_role("button", name="Delete “An answer is ready”").click()
    await expect(other.page.get_by_text("Nothing yet.")).to_be_visible()
    await expect(console.page.locator("#notices-list li")).to_have_count(0)
    console.watch.assert_clean(NOT_SIGNED_IN)
    other.watch.assert_clean()


async def test_the_bell_hears_what_it_missed_while_the_front_door_was_away(
    browser: Browser, system: InProcessSystem, upstream: Upstream
) -> None:
    """The answer ends while nobody is connected."""
    upstream.script("gate")
    console = await _signed_in(browser, system)
    await console.say(WORDS)
    await expect(console.answers.nth(0).locator(".text")).to_have_text(
        "(1)", timeout=ANSWER_TIME_MS
    )
    assert system.front_door is not None
    await system.front_door.stop()
    upstream.release()
    system.events.clear()
    await system.start_front_door()
    await system.told("ready")
    await expect(console.page.get_by_role("button", name="Notifications, 1 unread")).to_be_visible(
        timeout=ANSWER_TIME_MS
    )
    assert console.watch.strangers == []
