"""New orders go in at the end of indexes by time"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME, _STATUS = "ix_platform_order_created_at", "ix_platform_order_status"


def upgrade() -> None:
    _make("created_at NULLS FIRST")


def downgrade() -> None:
    _make("created_at DESC NULLS LAST")


def _make(time: str) -> None:
    op.drop_index(op.f(_TIME), table_name="platform_order")
    op.create_index(op.f(_TIME), "platform_order", ["connector_id", sa.text(time)])
    op.drop_index(op.f(_STATUS), table_name="platform_order")
    op.create_index(
        op.f(_STATUS), "platform_order", ["connector_id", "status", sa.text(time)],
        postgresql_where=sa.text("status <> 'completed'"),
    )  # fmt: skip
