"""The words by which orders are found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "words_feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1."),
        sa.Column(
            "epoch",
            sa.Uuid(),
            nullable=False,
            comment="Of the feed that seq belongs to; another one means: all anew.",
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="The last event that was followed."),
        sa.Column(
            "walk_store",
            sa.Uuid(),
            nullable=True,
            comment="While all orders are gone through: the store of the last one done; null when that is over.",
        ),
        sa.Column("walk_order", sa.Text(), nullable=True, comment="The last order done."),
        sa.CheckConstraint("id = 1", name=op.f("ck_words_feed_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_words_feed")),
    )
    op.create_table(
        "order_words",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The store's id."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was placed in the store: the order of what is found.",
        ),
        sa.Column(
            "words",
            postgresql.TSVECTOR(),
            nullable=False,
            comment="Of its number, names, e-mail and SKUs; lower case, without accents.",
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_order_words_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "order_id", name=op.f("pk_order_words")),
    )
    op.create_index("ix_order_words_words", "order_words", ["words"], unique=False, postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_order_words_words", table_name="order_words", postgresql_using="gin")
    op.drop_table("order_words")
    op.drop_table("words_feed")
