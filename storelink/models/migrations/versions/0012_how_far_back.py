"""How far back to read a store that is being connected"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    comment = "From when on orders may be read, and what each choice comes to."
    op.add_column("pending_store", sa.Column("choices", json, nullable=True, comment=comment))


def downgrade() -> None:
    op.drop_column("pending_store", "choices")
