"""Stores that are being connected"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "pending_store",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Random."),
        sa.Column("platform", sa.Text(), nullable=False, comment="The name of the connector."),
        sa.Column("name", sa.Text(), nullable=False, comment="What it is to be called."),
        sa.Column(
            "store_url", sa.Text(), nullable=False, comment="Its base URL, in the form in which it is kept."
        ),
        sa.Column(
            "auth_mode", sa.Text(), nullable=True, comment="How it is to be signed in to, once that is chosen."
        ),
        sa.Column(
            "made_by", sa.Text(), nullable=False, comment="Who connects it; nobody else can go on with it."
        ),
        sa.Column(
            "ends_at", sa.DateTime(timezone=True), nullable=False,
            comment="When it is forgotten (database clock).",
        ),
        sa.Column(
            "answer_digest", sa.LargeBinary(), nullable=True,
            comment="SHA-256 of the random text by which the store's answer is known; null: none is awaited.",
        ),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), nullable=True,
            comment="When a person was last sent to the store to let us in.",
        ),
        sa.Column(
            "api_key", sa.Text(), nullable=True, comment="Sealed (AES-256-GCM), as in connector_config."
        ),
        sa.Column("secret", sa.Text(), nullable=True, comment="Sealed, as api_key."),
        sa.Column(
            "credentials", sa.Text(), nullable=True, comment="Sealed JSON of the token that was issued."
        ),
        sa.Column(
            "data_key", sa.LargeBinary(), nullable=True,
            comment="The row's data key, wrapped by the master key.",
        ),
        sa.Column("key_id", sa.Text(), nullable=True, comment="Which master key wraps data_key."),
        sa.Column(
            "settings", json, nullable=False, comment="What the check learnt, for the settings of the store."
        ),
        sa.Column("findings", json, nullable=True, comment="What the check found; null: not checked yet."),
        sa.Column(
            "healthy", sa.Boolean(), nullable=False, comment="Whether the store can be read as it is."
        ),
        sa.Column("amounts", json, nullable=True, comment="How much there is to read, by resource."),
        sa.Column(
            "trouble", sa.Text(), nullable=True,
            comment="Why the last try to be let in came to nothing, in words.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_store")),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("pending_store")
