"""Events that other systems act on"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "type", name=op.f("pk_feed")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("feed", schema=None) as batch_op:
        batch_op.create_index("ux_feed_number", ["number"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("feed", schema=None) as batch_op:
        batch_op.drop_index("ux_feed_number")
    op.drop_table("feed")
