"""A real SMTP server, with the faults that real ones have."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vareon_runtime.config import Smtp

USER, PASSWORD = "vareon", "the mail server's password"
PATIENCE_S = 30.0


class MailServer:
    """Takes letters on a port of its own, which stays the same while it is down.

    Args:
        refused: What it answers to a recipient, if it does not take them.
        folder: Makes it speak STARTTLS, with a certificate that it writes there.
    """

    def __init__(self, refused: dict[str, str] | None = None, folder: Path | None = None) -> None:
        self.refused = refused or {}
        self.letters: list[EmailMessage] = []
        self.tried = 0
        self.encrypted: list[bool] = []
        self._arrived = asyncio.Condition()
        self._folder = folder
        self._server: asyncio.Server | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._tls = _certificate(folder) if folder else None

    @property
    def settings(self) -> Smtp:
        """How it is reached."""
        known = Smtp("127.0.0.1", self.port, "Vareon <vareon@example.org>", tls="none")
        if self._folder is None:
            return known
        password_file = self._folder / "mail.password"
        password_file.write_text(PASSWORD + "\n")
        return Smtp(
            known.host,
            known.port,
            known.sender,
            tls="starttls",
            user=USER,
            password_file=password_file,
            ca_file=self._folder / "mail.pem",
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def letter_to(self, recipient: str, subject: str = "", count: int = 1) -> EmailMessage:
        """Wait for the newest letter to somebody."""

        def found() -> list[EmailMessage]:
            return [
                one
                for one in self.letters
                if str(one["To"]) == recipient and subject in str(one["Subject"])
            ]

        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(lambda: len(found()) >= count)
        return found()[-1]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        async with self._arrived:
            self.tried += 1
            self._arrived.notify_all()
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        async with self._arrived:
            self.letters.append(letter)
            self.encrypted.append(session.ssl is not None)
            self._arrived.notify_all()
        return "250 OK"

    async def tries(self, count: int) -> None:
        """Wait until recipients were named so many times."""
        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(lambda: self.tried >= count)

    def _session(self) -> SMTP:
        if self._tls is None:
            return SMTP(self, hostname="mail.example.org")
        return SMTP(
            self,
            hostname="mail.example.org",
            tls_context=self._tls,
            require_starttls=True,
            auth_required=True,
            authenticator=_authenticate,
        )


def link_in(letter: EmailMessage) -> str:
    """The address that a letter asks to be opened."""
    body = letter.get_body(("plain",))
    assert body is not None
    return next(line for line in body.get_content().splitlines() if line.startswith("http"))


def _authenticate(_server: Any, _session: Any, _envelope: Any, _how: str, given: Any) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=good)


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "mail.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "mail.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "mail.pem", folder / "mail.key")
    return context
