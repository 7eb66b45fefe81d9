"""What was saved into the folder of playbooks from a page, so that it can be taken back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved")),
    )
    with op.batch_alter_table("saved", schema=None) as batch_op:
        batch_op.create_index("ix_saved_playbook", ["playbook", "at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("saved", schema=None) as batch_op:
        batch_op.drop_index("ix_saved_playbook")
    op.drop_table("saved")
