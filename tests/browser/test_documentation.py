"""Swagger UI at ``/docs``, in a real browser that reaches nothing but us."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.console import Watch
from tests.support.system import InProcessSystem

pytestmark = pytest.mark.browser


async def test_the_page_shows_the_document_and_tries_it_out(
    browser: Browser, system: InProcessSystem
) -> None:
    """Under its strict policy, without a request to anybody else; a call of its own is answered."""
    page = await (await browser.new_context(base_url=system.url)).new_page()
    watch = Watch(page)
    await page.goto("/docs")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Vareon")
    health = page.locator("#operations-system-get_health")
    await health.locator(".opblock-summary-control").click()
    await health.get_by_role("button", name="Execute").click()
    await expect(health.locator(".live-responses-table")).to_contain_text('"ok"')
    watch.assert_clean()
