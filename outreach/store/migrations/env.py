"""Run by Alembic, on the connection that ``schema`` hands it."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

from outreach.store.tables import metadata


def _plain(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Revisions say what lies in the database, not what the program of that day made of it."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_plain,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
