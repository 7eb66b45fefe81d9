"""The customer's own page"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "care_link",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("code_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_care_link")),
    )
    with op.batch_alter_table("care_link", schema=None) as batch_op:
        batch_op.create_index("ix_care_link_person", ["person"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("care_link", schema=None) as batch_op:
        batch_op.drop_index("ix_care_link_person")
    op.drop_table("care_link")
