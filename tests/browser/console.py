"""The console as a person uses it, and a watch over what its browser does meanwhile."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Locator, Page, Request, Response, expect

ANSWER_TIME_MS = 20_000


class Watch:
    """Everything a page does that it should not: errors, strangers, failures.

    Args:
        page: The page to watch, before it is opened.
    """

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.failures: list[tuple[int, str, str]] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)
        page.on("requestfailed", lambda request: self.errors.append(f"no answer: {request.url}"))
        page.on("response", self._answered)
        page.on("websocket", lambda socket: self._reached(socket.url))

    def assert_clean(self, *expected: tuple[int, str, str]) -> None:
        """Nothing was wrong, and of the answers exactly these were not successes."""
        assert self.strangers == []
        assert self.failures == list(expected)
        assert self.errors == []

    def _said(self, message: ConsoleMessage) -> None:
        # A browser reports every answer of 400 and above here; `failures` holds those.
        reported = message.text.startswith("Failed to load resource: the server responded")
        if message.type in ("error", "warning") and not reported:
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        self._reached(request.url)

    def _reached(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            self.strangers.append(url)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            path = urlsplit(response.url).path
            self.failures.append((response.status, response.request.method, path))


class Console:
    """One page, addressed by the names that a screen reader would speak."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.watch = Watch(page)
        self._url = url

    @property
    def answers(self) -> Locator:
        """The answers on the page, finished and growing."""
        return self.page.get_by_role("article", name="Answer")

    @property
    def stop_button(self) -> Locator:
        """There only while something streams."""
        return self.page.get_by_role("button", name="Stop the answer")

    @property
    def conversations(self) -> Locator:
        """The links of the list."""
        return self.page.get_by_role("navigation").get_by_role("link")

    async def open(self, fragment: str = "") -> None:
        """Go to the page."""
        await self.page.goto(f"{self._url}/{fragment}")

    async def sign_in(self, username: str, password: str) -> None:
        """Fill in the form and send it."""
        await self.page.get_by_label("Username or e-mail").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def expect_signed_in(self) -> None:
        """The conversations are shown."""
        await expect(self.page.get_by_label("Message", exact=True)).to_be_visible()

    async def say(self, text: str) -> None:
        """Write a message and press Enter."""
        box = self.page.get_by_label("Message", exact=True)
        await box.fill(text)
        await box.press("Enter")

    async def expect_said(self, text: str) -> None:
        """A message of the user's is shown once."""
        await expect(self.page.locator(".said .words").get_by_text(text, exact=True)).to_have_count(
            1
        )

    async def expect_answer(self, number: int, text: str) -> None:
        """The answer of this number is finished, and this is its text."""
        answer = self.answers.nth(number)
        await expect(answer).not_to_have_attribute("aria-busy", "true", timeout=ANSWER_TIME_MS)
        await expect(answer.locator(".text")).to_have_text(text)
