"""An outcome can be taken back for a moment"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
INDEXED = ("by", "card", "due", "person")


def upgrade() -> None:
    op.create_table(
        "said",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_said")),
    )
    with op.batch_alter_table("said", schema=None) as batch_op:
        for column in INDEXED:
            batch_op.create_index(f"ix_said_{column}", [column], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("said", schema=None) as batch_op:
        for column in reversed(INDEXED):
            batch_op.drop_index(f"ix_said_{column}")
    op.drop_table("said")
