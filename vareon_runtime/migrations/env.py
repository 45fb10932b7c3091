"""Alembic's entry: runs the scripts on the connection that `run` hands over."""

from __future__ import annotations

from alembic import context

import vareon_runtime.models
import vareon_runtime.storage.tables  # noqa: F401 - registers the engine's tables
from vareon_runtime.storage.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
