"""Registering, verifying, and a forgotten password, as a newcomer meets them in a browser."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.console import Console
from tests.support.people import PATIENCE_S, outbox
from tests.support.system import InProcessSystem

pytestmark = pytest.mark.browser

NOT_SIGNED_IN = (401, "GET", "/api/users/me")
NOT_VERIFIED = (403, "POST", "/api/token")
USED_BEFORE = (400, "POST", "/api/password/reset")
OLD, NEW = "a long password", "another long one"


async def _link(system: InProcessSystem, template: str) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for letter in await outbox(system, "kept"):
                if letter["template"] == template:
                    return str(letter["link"])
            await asyncio.sleep(0.02)


async def _told(page: Page, text: str) -> None:
    await expect(page.get_by_role("status")).to_contain_text(text)


async def test_a_newcomer_gets_in_and_back_in(browser: Browser, system: InProcessSystem) -> None:
    """From the sign-in page, through two letters, and in again with another password."""
    console = Console(await browser.new_page(), system.url)
    page = console.page
    await console.open()
    await page.get_by_role("link", name="Register").click()
    await page.get_by_label("Username").fill("bea")
    await page.get_by_label("E-mail").fill("bea@example.org")
    await page.get_by_label("Password").fill(OLD)
    await page.get_by_role("button", name="Register").click()
    await _told(page, "Registered.")

    await page.get_by_role("link", name="Sign in").click()
    await console.sign_in("bea", OLD)
    await expect(page.get_by_role("alert")).to_contain_text("Email not verified.")

    await page.goto(await _link(system, "verify"))
    await expect(page.get_by_text("Is bea@example.org your e-mail address?")).to_be_visible()
    await page.get_by_role("button", name="Yes, verify it").click()
    await _told(page, "Email verified.")

    await page.goto(f"{system.url}/forgot-password")
    await page.get_by_label("E-mail").fill("bea@example.org")
    await page.get_by_role("button", name="Send the letter").click()
    await _told(page, "a letter is on its way")
    link = await _link(system, "reset")
    for told in ("The password was changed.", "Invalid or expired reset token."):
        await page.goto("about:blank")
        await page.goto(link)
        await page.get_by_label("Password").fill(NEW)
        await page.get_by_role("button", name="Set it").click()
        await _told(page, told)

    await page.get_by_role("link", name="Sign in").click()
    await console.sign_in("bea", NEW)
    await console.expect_signed_in()
    await expect(page.locator(".self")).to_contain_text("bea")
    await expect(page.locator(".self")).to_contain_text("member")
    console.watch.assert_clean(
        NOT_SIGNED_IN, NOT_SIGNED_IN, NOT_VERIFIED, USED_BEFORE, NOT_SIGNED_IN
    )
