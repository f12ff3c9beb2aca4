"""Requests for refunds and changes of address, and the previews before them; orders by number."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "action_preview",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Made by storelink."),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The store's id of the order."),
        sa.Column("kind", sa.Text(), nullable=False, comment="refund, shipping or billing (the address)."),
        sa.Column(
            "wish", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="What was asked for."
        ),
        sa.Column(
            "shown",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What was shown: the plan, to the cent.",
        ),
        sa.Column(
            "digest",
            sa.Text(),
            nullable=False,
            comment="Of the order's version, its refunds and what it would do.",
        ),
        sa.Column("made_by", sa.Text(), nullable=False, comment="Who: `cli:<system user>`, or an API user."),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Database clock.",
        ),
        sa.Column(
            "used_by",
            sa.Uuid(),
            nullable=True,
            comment="The request that was made of it; null if none was yet.",
        ),
        sa.CheckConstraint("kind IN ('refund', 'shipping', 'billing')", name=op.f("ck_action_preview_kind")),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_action_preview_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_preview")),
    )
    op.create_index("ix_action_preview_made_at", "action_preview", ["made_at"], unique=False)
    op.create_index("ix_action_preview_order", "action_preview", ["connector_id", "order_id"], unique=False)
    op.create_table(
        "address_update_request",
        sa.Column(
            "id",
            sa.Uuid(),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
            comment="Made by storelink.",
        ),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The store's id of the order."),
        sa.Column("platform", sa.Text(), nullable=True, comment="`woocommerce` or `shopify`."),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=True,
            comment="requested, waiting_approval, sent, unknown, needs_attention, settled or failed. Null: not made by storelink; such a row is set failed.",
        ),
        sa.Column(
            "wish",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What was asked for.",
        ),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What the preview showed that it would do; what is sent must still be that.",
        ),
        sa.Column(
            "reference",
            sa.Text(),
            nullable=True,
            comment="Our mark in the store, ten hexadecimal digits; by it a refund is known again.",
        ),
        sa.Column(
            "send_key",
            sa.Uuid(),
            nullable=True,
            comment="The key that the store knows repetitions by; a person's retry takes a new one.",
        ),
        sa.Column(
            "body",
            sa.Text(),
            nullable=True,
            comment="The request to the store, as it is or was sent, byte for byte.",
        ),
        sa.Column("note", sa.Text(), nullable=True, comment="For colleagues; never sent to the store."),
        sa.Column(
            "requested_by", sa.Text(), nullable=True, comment="Who: `cli:<system user>`, or an API user."
        ),
        sa.Column(
            "requested_role", sa.Text(), nullable=True, comment="Their role then, which their ceilings go by."
        ),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Database clock.",
        ),
        sa.Column(
            "approved_by", sa.Text(), nullable=True, comment="The second person, where one was needed."
        ),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True, comment="When (database clock)."),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=True,
            comment="The caller's own; the same again is answered with this request.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it was sent to the store.",
        ),
        sa.Column(
            "misses",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Tries in a row, or looks since it was sent, that brought nothing: the next waits longer.",
        ),
        sa.Column(
            "next_try_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When something is next to be done for it (database clock).",
        ),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was first sent under send_key (database clock); null if it was certainly not.",
        ),
        sa.Column(
            "seen",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What the store last showed of it, and when that was first and last seen.",
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was settled, or had failed (database clock).",
        ),
        sa.Column(
            "read_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the order had been read again after it was settled (database clock).",
        ),
        sa.Column(
            "response",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What became of it, as read back from the store.",
        ),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="Why it failed, waits, or needs a person; in words."
        ),
        sa.Column(
            "redacted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its personal data were erased.",
        ),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column(
            "status",
            sa.Text(),
            server_default="pending",
            nullable=False,
            comment="pending, updated or failed.",
        ),
        sa.Column(
            "kind", sa.Text(), server_default="shipping", nullable=False, comment="shipping or billing."
        ),
        sa.Column(
            "new_address",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The whole address as it shall be, in our words.",
        ),
        sa.Column(
            "old_address",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The whole address as it was just before it was sent, in our words.",
        ),
        sa.Column(
            "force",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether what usually forbids it was overruled.",
        ),
        sa.Column(
            "total_before",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="The order's total just before it was sent.",
        ),
        sa.Column(
            "total_after",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="The order's total when it was read back.",
        ),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217 code of the two."),
        sa.CheckConstraint("kind IN ('shipping', 'billing')", name=op.f("ck_address_update_request_kind")),
        sa.CheckConstraint(
            "stage IN ('requested', 'waiting_approval', 'sent', 'unknown', 'needs_attention', 'settled', 'failed')",
            name=op.f("ck_address_update_request_stage"),
        ),
        sa.CheckConstraint(
            "stage IS NULL OR status = CASE stage WHEN 'settled' THEN 'updated' WHEN 'failed' THEN 'failed' ELSE 'pending' END",
            name=op.f("ck_address_update_request_status_of_stage"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'updated', 'failed')", name=op.f("ck_address_update_request_status")
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_address_update_request_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_update_request")),
        sa.UniqueConstraint(
            "connector_id",
            "idempotency_key",
            name=op.f("uq_address_update_request_connector_id_idempotency_key"),
        ),
    )
    op.create_index(
        "ix_address_update_request_due",
        "address_update_request",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.create_index(
        "ix_address_update_request_live",
        "address_update_request",
        ["connector_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("stage IN ('sent', 'unknown', 'needs_attention')"),
    )
    op.create_index(
        "ix_address_update_request_order",
        "address_update_request",
        ["connector_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "ix_address_update_request_pending",
        "address_update_request",
        ["connector_id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_address_update_request_requested_at", "address_update_request", ["requested_at"], unique=False
    )
    op.create_index(
        "ix_address_update_request_strange",
        "address_update_request",
        ["id"],
        unique=False,
        postgresql_where=sa.text("stage IS NULL"),
    )
    op.create_index(
        "ix_address_update_request_unread",
        "address_update_request",
        ["connector_id"],
        unique=False,
        postgresql_where=sa.text("stage = 'settled' AND read_at IS NULL"),
    )
    op.create_table(
        "refund_request",
        sa.Column(
            "id",
            sa.Uuid(),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
            comment="Made by storelink.",
        ),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The store's id of the order."),
        sa.Column("platform", sa.Text(), nullable=True, comment="`woocommerce` or `shopify`."),
        sa.Column(
            "stage",
            sa.Text(),
            nullable=True,
            comment="requested, waiting_approval, sent, unknown, needs_attention, settled or failed. Null: not made by storelink; such a row is set failed.",
        ),
        sa.Column(
            "wish",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What was asked for.",
        ),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What the preview showed that it would do; what is sent must still be that.",
        ),
        sa.Column(
            "reference",
            sa.Text(),
            nullable=True,
            comment="Our mark in the store, ten hexadecimal digits; by it a refund is known again.",
        ),
        sa.Column(
            "send_key",
            sa.Uuid(),
            nullable=True,
            comment="The key that the store knows repetitions by; a person's retry takes a new one.",
        ),
        sa.Column(
            "body",
            sa.Text(),
            nullable=True,
            comment="The request to the store, as it is or was sent, byte for byte.",
        ),
        sa.Column("note", sa.Text(), nullable=True, comment="For colleagues; never sent to the store."),
        sa.Column(
            "requested_by", sa.Text(), nullable=True, comment="Who: `cli:<system user>`, or an API user."
        ),
        sa.Column(
            "requested_role", sa.Text(), nullable=True, comment="Their role then, which their ceilings go by."
        ),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Database clock.",
        ),
        sa.Column(
            "approved_by", sa.Text(), nullable=True, comment="The second person, where one was needed."
        ),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True, comment="When (database clock)."),
        sa.Column(
            "idempotency_key",
            sa.Text(),
            nullable=True,
            comment="The caller's own; the same again is answered with this request.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it was sent to the store.",
        ),
        sa.Column(
            "misses",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Tries in a row, or looks since it was sent, that brought nothing: the next waits longer.",
        ),
        sa.Column(
            "next_try_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When something is next to be done for it (database clock).",
        ),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was first sent under send_key (database clock); null if it was certainly not.",
        ),
        sa.Column(
            "seen",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What the store last showed of it, and when that was first and last seen.",
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was settled, or had failed (database clock).",
        ),
        sa.Column(
            "read_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the order had been read again after it was settled (database clock).",
        ),
        sa.Column(
            "response",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What became of it, as read back from the store.",
        ),
        sa.Column(
            "error", sa.Text(), nullable=True, comment="Why it failed, waits, or needs a person; in words."
        ),
        sa.Column(
            "redacted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its personal data were erased.",
        ),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column(
            "status",
            sa.Text(),
            server_default="pending",
            nullable=False,
            comment="pending, processed or failed.",
        ),
        sa.Column(
            "amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="What is given back in all, taxes included.",
        ),
        sa.Column(
            "shipping_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="So much of it for shipping, taxes included.",
        ),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217 code."),
        sa.Column(
            "lines",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="List of `{item_id, title, sku, quantity, amount, tax}`: money as strings, amount before tax.",
        ),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="Public words: the store may print them to the customer.",
        ),
        sa.Column(
            "restock",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether units go back into stock.",
        ),
        sa.Column(
            "notify",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether the store tells the customer.",
        ),
        sa.Column(
            "by_hand",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Recorded in the store without moving money.",
        ),
        sa.Column(
            "refund_id", sa.Text(), nullable=True, comment="The store's id of the refund that it became."
        ),
        sa.Column(
            "moved_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="What the gateway is known to have paid back.",
        ),
        sa.Column(
            "alarm",
            sa.Text(),
            nullable=True,
            comment="over_refunded, or twin: an equal refund was made elsewhere at the same time.",
        ),
        sa.Column(
            "alarm_over_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When a person had seen to that (database clock).",
        ),
        sa.CheckConstraint(
            "stage IN ('requested', 'waiting_approval', 'sent', 'unknown', 'needs_attention', 'settled', 'failed')",
            name=op.f("ck_refund_request_stage"),
        ),
        sa.CheckConstraint(
            "stage IS NULL OR status = CASE stage WHEN 'settled' THEN 'processed' WHEN 'failed' THEN 'failed' ELSE 'pending' END",
            name=op.f("ck_refund_request_status_of_stage"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processed', 'failed')", name=op.f("ck_refund_request_status")
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_refund_request_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_request")),
        sa.UniqueConstraint(
            "connector_id", "idempotency_key", name=op.f("uq_refund_request_connector_id_idempotency_key")
        ),
    )
    op.create_index(
        "ix_refund_request_alarm",
        "refund_request",
        ["connector_id"],
        unique=False,
        postgresql_where=sa.text("alarm IS NOT NULL AND alarm_over_at IS NULL"),
    )
    op.create_index("ix_refund_request_by", "refund_request", ["requested_by", "requested_at"], unique=False)
    op.create_index(
        "ix_refund_request_due",
        "refund_request",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.create_index(
        "ix_refund_request_live",
        "refund_request",
        ["connector_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("stage IN ('sent', 'unknown', 'needs_attention')"),
    )
    op.create_index("ix_refund_request_order", "refund_request", ["connector_id", "order_id"], unique=False)
    op.create_index(
        "ix_refund_request_pending",
        "refund_request",
        ["connector_id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_refund_request_reference", "refund_request", ["connector_id", "reference"], unique=True
    )
    op.create_index("ix_refund_request_requested_at", "refund_request", ["requested_at"], unique=False)
    op.create_index(
        "ix_refund_request_settled_at",
        "refund_request",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("stage = 'settled'"),
    )
    op.create_index(
        "ix_refund_request_strange",
        "refund_request",
        ["id"],
        unique=False,
        postgresql_where=sa.text("stage IS NULL"),
    )
    op.create_index(
        "ix_refund_request_unread",
        "refund_request",
        ["connector_id"],
        unique=False,
        postgresql_where=sa.text("stage = 'settled' AND read_at IS NULL"),
    )
    op.create_index("ix_audit_event_subject", "audit_event", ["connector_id", "subject"], unique=False)
    op.create_index("ix_platform_order_number", "platform_order", ["order_number"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_platform_order_number", table_name="platform_order")
    op.drop_index("ix_audit_event_subject", table_name="audit_event")
    op.drop_index(
        "ix_refund_request_strange", table_name="refund_request", postgresql_where=sa.text("stage IS NULL")
    )
    op.drop_index(
        "ix_refund_request_unread",
        table_name="refund_request",
        postgresql_where=sa.text("stage = 'settled' AND read_at IS NULL"),
    )
    op.drop_index(
        "ix_refund_request_settled_at",
        table_name="refund_request",
        postgresql_where=sa.text("stage = 'settled'"),
    )
    op.drop_index("ix_refund_request_requested_at", table_name="refund_request")
    op.drop_index("ix_refund_request_reference", table_name="refund_request")
    op.drop_index(
        "ix_refund_request_pending",
        table_name="refund_request",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("ix_refund_request_order", table_name="refund_request")
    op.drop_index(
        "ix_refund_request_live",
        table_name="refund_request",
        postgresql_where=sa.text("stage IN ('sent', 'unknown', 'needs_attention')"),
    )
    op.drop_index(
        "ix_refund_request_due",
        table_name="refund_request",
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.drop_index("ix_refund_request_by", table_name="refund_request")
    op.drop_index(
        "ix_refund_request_alarm",
        table_name="refund_request",
        postgresql_where=sa.text("alarm IS NOT NULL AND alarm_over_at IS NULL"),
    )
    op.drop_table("refund_request")
    op.drop_index(
        "ix_address_update_request_strange",
        table_name="address_update_request",
        postgresql_where=sa.text("stage IS NULL"),
    )
    op.drop_index(
        "ix_address_update_request_unread",
        table_name="address_update_request",
        postgresql_where=sa.text("stage = 'settled' AND read_at IS NULL"),
    )
    op.drop_index("ix_address_update_request_requested_at", table_name="address_update_request")
    op.drop_index(
        "ix_address_update_request_pending",
        table_name="address_update_request",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("ix_address_update_request_order", table_name="address_update_request")
    op.drop_index(
        "ix_address_update_request_live",
        table_name="address_update_request",
        postgresql_where=sa.text("stage IN ('sent', 'unknown', 'needs_attention')"),
    )
    op.drop_index(
        "ix_address_update_request_due",
        table_name="address_update_request",
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.drop_table("address_update_request")
    op.drop_index("ix_action_preview_order", table_name="action_preview")
    op.drop_index("ix_action_preview_made_at", table_name="action_preview")
    op.drop_table("action_preview")
