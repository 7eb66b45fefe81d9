"""Who published what; what waits for a second person; what a paused playbook missed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _published()
    _blast()
    op.create_table(
        "missed",
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", "account", "event", name=op.f("pk_missed")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table(
        "run", schema=None, recreate="auto" if op.get_bind().dialect.name != "sqlite" else "always"
    ) as batch_op:
        batch_op.add_column(sa.Column("blast", sa.Integer(), nullable=True))
        batch_op.create_index(
            "ix_run_reached", ["playbook", "started_at", "account", "shadow", "holdout"], unique=False
        )
        batch_op.create_index(
            "ix_run_blast", ["playbook", "blast"], unique=False, sqlite_where=sa.text("blast is not null"),
            postgresql_where=sa.text("blast is not null"),
        )  # fmt: skip


def _published() -> None:
    op.create_table(
        "playbook_published",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("before_percent", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_playbook_published")),
    )
    with op.batch_alter_table("playbook_published", schema=None) as batch_op:
        batch_op.create_index("ix_playbook_published_playbook", ["playbook", "seq"], unique=False)


def _blast() -> None:
    op.create_table(
        "blast",
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("may", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state in ('asking', 'let_go', 'refused', 'over')", name=op.f("ck_blast_state")),
        sa.PrimaryKeyConstraint("playbook", "nth", name=op.f("pk_blast")),
    )
    stands, refused = sa.text("state in ('asking', 'let_go')"), sa.text("state = 'refused'")
    with op.batch_alter_table("blast", schema=None) as batch_op:
        batch_op.create_index(
            "ix_blast_stands", ["playbook"], unique=False, sqlite_where=stands, postgresql_where=stands
        )
        batch_op.create_index(
            "ix_blast_refused", ["at"], unique=False, sqlite_where=refused, postgresql_where=refused
        )


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_blast")
        batch_op.drop_index("ix_run_reached")
        batch_op.drop_column("blast")
    op.drop_table("missed")
    op.drop_table("blast")
    op.drop_table("playbook_published")
