"""Deletions that wait for a person"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sync_state",
        sa.Column(
            "withheld", sa.Integer(), server_default=sa.text("0"), nullable=False,
            comment="Records that the store no longer has and that are kept until a person accepts it.",
        ),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_column("sync_state", "withheld")
