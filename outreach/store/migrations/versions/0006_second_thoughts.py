"""An outcome can be taken back for a moment"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "said",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_said")),
    )
    with op.batch_alter_table("said", schema=None) as batch_op:
        batch_op.create_index("ix_said_by", ["by"], unique=False)
        batch_op.create_index("ix_said_identity", ["identity"], unique=False)
        batch_op.create_index(
            "ix_said_due", ["due"], unique=False, sqlite_where=sa.text("fault is null"),
            postgresql_where=sa.text("fault is null"),
        )  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("said", schema=None) as batch_op:
        batch_op.drop_index("ix_said_due")
        batch_op.drop_index("ix_said_identity")
        batch_op.drop_index("ix_said_by")
    op.drop_table("said")
