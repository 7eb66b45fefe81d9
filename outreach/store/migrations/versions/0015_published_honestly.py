"""A key is taken in shadow or for good, a save is known before it is done, and runs of a disabled playbook are found"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")
UNSETTLED = sa.text("settled_at is null")
DISABLED = sa.text("state = 'disabled'")
SPARED = """
update run set again_at = (
    select max(p."at") from playbook_published p where p.playbook = run.playbook and p.state = 'disabled'
) where state = 'open' and not exists (
    select 1 from playbook_state s where s.playbook = run.playbook and s.state = 'disabled'
)
"""
"""Until now the runs of a playbook that was disabled went on once it was enabled again. Whoever enabled one meant that."""


def upgrade() -> None:
    op.drop_index("ux_run_once", "run")
    op.create_index("ux_run_once", "run", ["playbook", "account", "key", "shadow"], unique=True)
    op.create_index(
        "ix_run_open", "run", ["playbook", "started_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.add_column("run", sa.Column("again_at", sa.BigInteger(), nullable=True))
    op.execute(SPARED)
    op.add_column("saved", sa.Column("settled_at", sa.BigInteger(), nullable=True))
    op.execute('update saved set settled_at = "at"')
    op.create_index("ix_saved_unsettled", "saved", ["at"], sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)
    op.create_index(
        "ix_playbook_published_disabled", "playbook_published", ["playbook", "at"],
        sqlite_where=DISABLED, postgresql_where=DISABLED,
    )  # fmt: skip


def downgrade() -> None:
    """Not where a playbook has run for one key both in shadow and live."""
    op.drop_index("ix_playbook_published_disabled", "playbook_published")
    op.drop_index("ix_saved_unsettled", "saved")
    op.drop_column("saved", "settled_at")
    op.drop_column("run", "again_at")
    op.drop_index("ix_run_open", "run")
    op.drop_index("ux_run_once", "run")
    op.create_index("ux_run_once", "run", ["playbook", "account", "key"], unique=True)
