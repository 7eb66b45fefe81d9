"""When a run last began again: what its playbook was disabled for before that does not end it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("again_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "again_at")
