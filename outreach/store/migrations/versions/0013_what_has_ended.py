"""What has ended lately is found by its time, so that it can be counted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ENDED = sa.text("ended_at is not null")


def upgrade() -> None:
    op.create_index("ix_touch_ended", "touch", ["ended_at"], sqlite_where=ENDED, postgresql_where=ENDED)


def downgrade() -> None:
    op.drop_index("ix_touch_ended", "touch")
