"""Absences; a card is snoozed or handed over with a note"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "absence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("cover", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.add_column(sa.Column("handed_to", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("noted_by", sa.Text(), nullable=True))
        batch_op.create_index(
            "ix_card_noted", ["identity"], unique=False, sqlite_where=sa.text("note is not null"),
            postgresql_where=sa.text("note is not null"),
        )  # fmt: skip
    with op.batch_alter_table("promise", schema=None) as batch_op:
        batch_op.create_index("ix_promise_state", ["state", "until"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("promise", schema=None) as batch_op:
        batch_op.drop_index("ix_promise_state")
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_index("ix_card_noted")
        batch_op.drop_column("noted_by")
        batch_op.drop_column("note")
        batch_op.drop_column("handed_to")
    op.drop_table("absence")
