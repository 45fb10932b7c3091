"""Registering and verifying, and passwords that were forgotten: for whoever is not signed in."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer
from web.auditing import about
from web.given import body_of
from web.routes import PUBLIC, Route
from web.schemas.profile import AddressIn, MessageOut, PasswordResetIn, RegisterIn, VerifyIn
from web.services.profile import Profile
from web.services.registration import Registration

REGISTRATIONS = 60
"""A minute, from one address; each may send a letter to somebody."""
LETTERS = 30
GUESSES = 120
LETTER = "If this address has an account that waits for it, a letter is on its way."


class RegistrationRoutes:
    """``/api/register``, ``/api/verify-email`` and ``/api/password``."""

    def __init__(self, registration: Registration, profile: Profile) -> None:
        self._registration = registration
        self._profile = profile

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(
                "POST",
                "/api/register",
                PUBLIC,
                self.register,
                body=RegisterIn,
                answer=MessageOut,
                rate=REGISTRATIONS,
                audit="account.register",
            ),
            Route(
                "POST",
                "/api/verify-email",
                PUBLIC,
                self.verify,
                body=VerifyIn,
                answer=MessageOut,
                rate=GUESSES,
                audit="account.verify",
            ),
            Route(
                "POST",
                "/api/verify-email/resend",
                PUBLIC,
                self.resend,
                body=AddressIn,
                answer=MessageOut,
                rate=LETTERS,
            ),
            Route(
                "POST",
                "/api/password/forgot",
                PUBLIC,
                self.forgot,
                body=AddressIn,
                answer=MessageOut,
                rate=LETTERS,
            ),
            Route(
                "POST",
                "/api/password/reset",
                PUBLIC,
                self.reset,
                body=PasswordResetIn,
                answer=MessageOut,
                rate=GUESSES,
                audit="account.reset_password",
            ),
        ]

    async def register(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Open an account of one's own; it may sign in once its e-mail is verified."""
        body = body_of(request, RegisterIn)
        about(request, detail=body.username)
        user_id = await self._registration.register(body.username, body.email, body.password)
        about(request, target=f"user/{user_id}", user_id=user_id)
        return answer(MessageOut(self._registration.next_step))

    async def verify(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Show that an e-mail is one's own, with the token of the letter that went there."""
        body = body_of(request, VerifyIn)
        verified = await self._registration.verify(body.email, body.token)
        about(request, target=f"user/{verified.user_id}", user_id=verified.user_id)
        return answer(MessageOut(verified.message))

    async def resend(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Have the letter that verifies an e-mail sent again; at most once a minute."""
        await self._registration.ask_for_letter(body_of(request, AddressIn).email, "verify")
        return answer(MessageOut(LETTER))

    async def forgot(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Have a letter sent that sets a new password; the answer is the same for everybody."""
        await self._registration.ask_for_letter(body_of(request, AddressIn).email, "reset")
        return answer(MessageOut(LETTER))

    async def reset(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Set a new password with the token of a letter; every session there is ends."""
        body = body_of(request, PasswordResetIn)
        user_id = await self._profile.reset_password(body.token, body.password)
        about(request, target=f"user/{user_id}", user_id=user_id)
        return answer(MessageOut("The password was changed. Sign in with the new one."))
