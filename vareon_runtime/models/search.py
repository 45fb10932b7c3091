"""What can be found by its words. Triggers keep it: see `vareon_runtime.migrations.searchable`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class SearchDocumentRow(Base):
    """One thing that can be found; an index over the words of all of them lies beside it."""

    __tablename__ = "search_documents"
    __table_args__ = (UniqueConstraint("kind", "id"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    id: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(64))
    """One word that says who may see it: ``o`` and its owner's id without dashes, or ``all``."""
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    facts: Mapped[str] = mapped_column(Text)
    """What else a result shows, as JSON."""
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
