"""The time at which a row is written is set by the database"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = ("platform_product", "platform_customer", "platform_order")


def upgrade() -> None:
    for table in _TABLES:
        op.alter_column(table, "synced_at", server_default=sa.func.now())


def downgrade() -> None:
    for table in _TABLES:
        op.alter_column(table, "synced_at", server_default=None)
