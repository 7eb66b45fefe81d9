"""What started lately is found by its time, for the pages of playbooks"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_run_started", "run", ["started_at"])


def downgrade() -> None:
    op.drop_index("ix_run_started", "run")
