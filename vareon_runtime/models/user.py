"""Rows of people: who may sign in, and as what."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class UserRow(Base):
    """An account."""

    __tablename__ = "users"
    __table_args__ = (
        Index(None, "verification_hash", unique=True),
        Index(None, "reset_hash", unique=True),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str | None] = mapped_column(String(320), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(200))
    is_active: Mapped[bool]
    is_verified: Mapped[bool] = mapped_column(server_default=text("1"))
    """Whether the e-mail was shown to be theirs; nobody else opens an account by themselves."""
    token_version: Mapped[int] = mapped_column(server_default=text("0"))
    """Rises when all tokens given out before must not count any more."""
    pending_email: Mapped[str | None] = mapped_column(String(320))
    """An address that becomes the e-mail once it is shown to be theirs."""
    verification_hash: Mapped[str | None] = mapped_column(String(64))
    """Of the one-use token that shows it; the token itself is only in the mail."""
    verification_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    reset_hash: Mapped[str | None] = mapped_column(String(64))
    """Of the one-use token that sets a new password."""
    reset_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class UserLoginRow(Base):
    """A name or an e-mail that somebody signs in with; whose it is, it is nobody else's.

    Names and e-mails are unique together and without regard to case, so that no name can stand in
    the way of an e-mail. Accounts that were told apart by case alone before that rule kept their
    exact spelling, and only the oldest of them has a row here.
    """

    __tablename__ = "user_logins"

    login: Mapped[str] = mapped_column(String(700), primary_key=True)
    """As `login_key` makes it."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


class UserRoleRow(Base):
    """One role that an account holds."""

    __tablename__ = "user_roles"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    """The name of a built-in role, or the id of one that was made here."""


class InvitationRow(Base):
    """Somebody who was invited and has not come yet; one row for each ``invitation`` entity."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the one-use token that lets them in; the token itself is only in the mail."""
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class RoleRow(Base):
    """A role that was made here; one row for each ``role`` entity."""

    __tablename__ = "roles"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    description: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class RolePermissionRow(Base):
    """One permission of such a role."""

    __tablename__ = "role_permissions"

    role_id: Mapped[str] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True
    )
    permission: Mapped[str] = mapped_column(String(80), primary_key=True)


def login_key(login: str) -> str:
    """The form in which names and e-mails are compared: without case, and normalized (NFKC)."""
    return unicodedata.normalize("NFKC", login.strip()).casefold()


def token_hash(token: str) -> str:
    """What is stored of a one-use token; it is random, so it needs no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
