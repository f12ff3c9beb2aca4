"""Orders by when they were written, and states among the words, which are gathered anew"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WORDS = "Of its number, names, e-mail{} SKUs{}; lower case, without accents."
_BEFORE, _AFTER = _WORDS.format(" and", ""), _WORDS.format(",", " and states (`paid=voided`)")


def upgrade() -> None:
    op.create_index(
        "ix_platform_order_synced_at", "platform_order", ["synced_at"], postgresql_using="brin",
        postgresql_with={"pages_per_range": 32},
    )  # fmt: skip
    op.alter_column("order_words", "words", comment=_AFTER, existing_comment=_BEFORE)
    op.execute("DELETE FROM words_feed")


def downgrade() -> None:
    op.alter_column("order_words", "words", comment=_BEFORE, existing_comment=_AFTER)
    op.drop_index("ix_platform_order_synced_at", table_name="platform_order")
