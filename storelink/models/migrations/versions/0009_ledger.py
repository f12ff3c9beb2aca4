"""What the last verify found, deletions that a person accepted, and how much the store lets us ask"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sync_state",
        sa.Column("ledger", JSONB(), nullable=True,
                  comment="What the last verify found: counts, and the first records that differed."),
    )  # fmt: skip
    op.add_column(
        "sync_state",
        sa.Column(
            "accepted", sa.Integer(), server_default=sa.text("0"), nullable=False,
            comment="So many deletions a person accepted, for the next verify.",
        ),
    )  # fmt: skip
    op.add_column(
        "sync_state",
        sa.Column("rate", JSONB(), nullable=True,
                  comment="What the store last said of its rate limit: points available, at most, and"
                          " restored a second."),
    )  # fmt: skip


def downgrade() -> None:
    for name in ("rate", "accepted", "ledger"):
        op.drop_column("sync_state", name)
