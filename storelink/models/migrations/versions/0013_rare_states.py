"""Orders by a status that few of them have"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_platform_order_status", "platform_order",
        ["connector_id", "status", sa.literal_column("created_at DESC NULLS LAST")],
        postgresql_where=sa.text("status <> 'completed'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_platform_order_status", table_name="platform_order")
