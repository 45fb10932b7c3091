"""Where letters leave: by SMTP, or, where no server is configured, to the server's own terminal."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import aiosmtplib

from actors.mail.letter import Letter, letter
from actors.mail.messages import SendMail
from vareon_runtime.clock import Clock, utc
from vareon_runtime.config import Smtp

SENT, KEPT, REFUSED, AGAIN = "sent", "kept", "refused", "again"
TIMEOUT_S = 30.0
MOST_AT_ONCE = 4
"""Connections to the mail server."""
_LONGEST_ERROR = 300

Show = Callable[[str, str, str], Awaitable[None]]
"""Shows a recipient, a subject and a link to whoever started the server."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one try came to.

    Attributes:
        outcome: ``sent``, ``kept`` here for want of a server, ``refused`` for good, or ``again``.
        error: Why not; nothing of the letter is in it.
        link: What it asks to be opened, if it was kept.
    """

    outcome: str
    error: str | None = None
    link: str | None = None


class PostOffice:
    """A resource of the host.

    Args:
        smtp: The mail server; None for none.
        site: The public address of this installation.
        show: Where letters go without a server.
        clock: Dates them.
    """

    def __init__(self, smtp: Smtp | None, site: str, show: Show, clock: Clock) -> None:
        self._smtp = smtp
        self._site = site.rstrip("/")
        self._show = show
        self._clock = clock
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def dispatch(self, mail_id: str, asked: SendMail) -> Dispatched:
        """Try once; a repeat carries the same Message-ID, so that receivers can tell."""
        link = f"{self._site}{asked.link}" if asked.link else ""
        written = letter(asked.template, username=asked.username, link=link, site=self._site)
        if self._smtp is None:
            await self._show(asked.recipient, written.subject, link)
            return Dispatched(KEPT, link=link or None)
        async with self._places:
            return await self._send(self._smtp, _message(self._smtp, mail_id, asked, written))

    async def _send(self, smtp: Smtp, message: EmailMessage) -> Dispatched:
        message["Date"] = format_datetime(utc(self._clock.time()))
        try:
            password = await asyncio.to_thread(_password, smtp)
            await aiosmtplib.send(
                message,
                hostname=smtp.host,
                port=smtp.port,
                username=smtp.user or None,
                password=password,
                use_tls=smtp.tls == "tls",
                start_tls=smtp.tls == "starttls",
                tls_context=_tls(smtp),
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            return _failed(first.code, first.message)
        except aiosmtplib.SMTPAuthenticationError as error:
            # A wrong password is the operator's to mend; the letters wait for it.
            return Dispatched(AGAIN, _told(f"{error.code} {error.message}"))
        except aiosmtplib.SMTPResponseException as error:
            return _failed(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Dispatched(AGAIN, _told(f"{type(error).__name__}: {error}"))
        return Dispatched(SENT)


def _message(smtp: Smtp, mail_id: str, asked: SendMail, written: Letter) -> EmailMessage:
    message = EmailMessage()
    name, address = parseaddr(smtp.sender)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=asked.recipient)
    message["Subject"] = written.subject
    message["Message-ID"] = f"<{mail_id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text)
    message.add_alternative(written.page, subtype="html")
    return message


def _failed(code: int, text: str) -> Dispatched:
    return Dispatched(REFUSED if 500 <= code < 600 else AGAIN, _told(f"{code} {text}"))


def _told(text: str) -> str:
    line = " ".join(text.split())
    return "".join(one for one in line if one.isprintable())[:_LONGEST_ERROR]


def _password(smtp: Smtp) -> str | None:
    if smtp.password_file is None:
        return None
    return smtp.password_file.read_text(encoding="utf-8").strip()


def _tls(smtp: Smtp) -> ssl.SSLContext | None:
    if smtp.tls == "none":
        return None
    return ssl.create_default_context(cafile=str(smtp.ca_file) if smtp.ca_file else None)
