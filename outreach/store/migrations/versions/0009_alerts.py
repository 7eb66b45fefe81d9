"""Colleagues are reached away from the desk: where, and what they were told"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reach",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("ways", sa.Text(), nullable=False),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.Text(), nullable=True),
        sa.Column("always", sa.Boolean(), nullable=False),
        sa.Column("sound_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_reach")),
    )
    op.create_table(
        "alert",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("again_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state in ('sending', 'sent', 'again', 'failed', 'unknown', 'none')",
            name=op.f("ck_alert_state"),
        ),
        sa.PrimaryKeyConstraint("user", "thing", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("ix_alert_user", ["user", "at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index("ix_alert_user")
    op.drop_table("alert")
    op.drop_table("reach")
