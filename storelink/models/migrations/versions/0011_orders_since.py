"""From when on orders are read"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BOUND = (
    "Orders made earlier are read only when they change: the table lacks the others. Null: all are read,"
    " as all of products and customers always are."
)


def upgrade() -> None:
    op.add_column(
        "sync_state", sa.Column("reads_from", sa.DateTime(timezone=True), nullable=True, comment=_BOUND)
    )


def downgrade() -> None:
    op.drop_column("sync_state", "reads_from")
