"""The tables of the first release, and the view product_by_sku."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Order of writing."
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Database clock.",
        ),
        sa.Column(
            "actor",
            sa.Text(),
            nullable=False,
            comment="Who: `cli:<system user>`, an API user, or `storelink`.",
        ),
        sa.Column("action", sa.Text(), nullable=False, comment="What, such as `connector.add`."),
        sa.Column(
            "connector_id",
            sa.Uuid(),
            nullable=True,
            comment="Which store; kept after the store is removed, so it is no foreign key.",
        ),
        sa.Column("subject", sa.Text(), nullable=True, comment="Which order, request or record."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What else is worth knowing.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"], unique=False)
    op.create_table(
        "connector_config",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Made by storelink."),
        sa.Column("name", sa.Text(), nullable=False, comment="The handle that people type; chosen by ops."),
        sa.Column(
            "platform",
            sa.Text(),
            nullable=False,
            comment="`woocommerce` or `shopify`: the name of the connector.",
        ),
        sa.Column(
            "store_url",
            sa.Text(),
            nullable=False,
            comment="Base URL of the store, scheme and host lower case, no slash at the end.",
        ),
        sa.Column(
            "auth_mode",
            sa.Text(),
            nullable=False,
            comment="How requests are signed; the connector's own word, such as `keys`.",
        ),
        sa.Column(
            "api_key",
            sa.Text(),
            nullable=True,
            comment="Sealed (AES-256-GCM); never readable without the master key.",
        ),
        sa.Column("secret", sa.Text(), nullable=True, comment="Sealed, as api_key."),
        sa.Column(
            "credentials",
            sa.Text(),
            nullable=True,
            comment="Sealed JSON of tokens, for platforms that issue them.",
        ),
        sa.Column("webhook_secrets", sa.Text(), nullable=True, comment="Sealed JSON list, newest first."),
        sa.Column(
            "data_key",
            sa.LargeBinary(),
            nullable=True,
            comment="The connector's data key, wrapped by the master key.",
        ),
        sa.Column("key_id", sa.Text(), nullable=True, comment="Which master key wraps data_key."),
        sa.Column(
            "erasure_key",
            sa.LargeBinary(),
            nullable=True,
            comment="The key of the store's erased_subject digests, wrapped by the master key.",
        ),
        sa.Column("erasure_key_id", sa.Text(), nullable=True, comment="Which master key wraps erasure_key."),
        sa.Column(
            "token_expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the present token stops working.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="active, paused, auth_failed or uninstalled."),
        sa.Column(
            "sync_interval",
            sa.Integer(),
            server_default=sa.text("300"),
            nullable=False,
            comment="Seconds between incremental passes.",
        ),
        sa.Column(
            "allow_http",
            sa.Boolean(),
            nullable=False,
            comment="Whether ops accepted a store that is read without encryption.",
        ),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="What the check learnt of the store: version, currency, time zone, features.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was registered.",
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was last changed by ops.",
        ),
        sa.CheckConstraint(
            "status IN ('active', 'paused', 'auth_failed', 'uninstalled')",
            name=op.f("ck_connector_config_status"),
        ),
        sa.CheckConstraint("sync_interval >= 10", name=op.f("ck_connector_config_sync_interval")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector_config")),
        sa.UniqueConstraint("name", name=op.f("uq_connector_config_name")),
        sa.UniqueConstraint("platform", "store_url", name=op.f("uq_connector_config_platform_store_url")),
    )
    op.create_table(
        "key_report",
        sa.Column(
            "process",
            sa.Text(),
            nullable=False,
            comment="Host, process id and start time; unique over restarts.",
        ),
        sa.Column("host", sa.Text(), nullable=False, comment="Name of the machine."),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Process id there."),
        sa.Column(
            "key_ids",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Master keys that it holds and found to be right.",
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it last reported (database clock).",
        ),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_key_report")),
    )
    op.create_table(
        "master_key",
        sa.Column(
            "key_id",
            sa.Text(),
            nullable=False,
            comment="The key's name, as its provider gives it; derived from the key if storelink made it.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="current (what is sealed is sealed with it), added (known; opens, does not seal) or retired (no row needs it).",
        ),
        sa.Column(
            "check_value",
            sa.LargeBinary(),
            nullable=False,
            comment="HMAC-SHA256 under the key: tells another key of the same id apart.",
        ),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it became known (database clock).",
        ),
        sa.Column(
            "current_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it last became current (database clock); null if it never was.",
        ),
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was retired (database clock).",
        ),
        sa.CheckConstraint("status IN ('current', 'added', 'retired')", name=op.f("ck_master_key_status")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_master_key")),
    )
    op.create_index(
        "ix_master_key_current",
        "master_key",
        ["status"],
        unique=True,
        postgresql_where=sa.text("status = 'current'"),
    )
    op.create_table(
        "change_event",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Order of writing, not of committing.",
        ),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=True,
            comment="Order of committing, given by the publisher; null until then.",
        ),
        sa.Column(
            "connector_id", sa.Uuid(), nullable=False, comment="The store; no foreign key, as in a log."
        ),
        sa.Column("entity", sa.Text(), nullable=False, comment="product, customer or order."),
        sa.Column("key", sa.Text(), nullable=False, comment="variant_id, customer_id or order_id."),
        sa.Column("op", sa.Text(), nullable=False, comment="insert, update or delete."),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it was written (database clock).",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_event")),
    )
    op.create_index(
        "ix_change_event_seq",
        "change_event",
        ["seq"],
        unique=True,
        postgresql_where=sa.text("seq IS NOT NULL"),
    )
    op.create_index(
        "ix_change_event_unpublished",
        "change_event",
        ["id"],
        unique=False,
        postgresql_where=sa.text("seq IS NULL"),
    )
    op.create_table(
        "erased_subject",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="HMAC-SHA256 of a customer id, e-mail, phone or order id.",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="customer, email, phone or order."),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False, comment="Database clock."),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_erased_subject_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "digest", name=op.f("pk_erased_subject")),
    )
    op.create_table(
        "platform_customer",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="The store's id of the account."),
        sa.Column("platform", sa.Text(), nullable=False, comment="`woocommerce` or `shopify`."),
        sa.Column(
            "email",
            sa.Text(),
            nullable=True,
            comment="As the store has it; null for phone-only accounts and stubs.",
        ),
        sa.Column("name", sa.Text(), nullable=True, comment="First and last name."),
        sa.Column("phone", sa.Text(), nullable=True, comment="As the store has it."),
        sa.Column(
            "default_address",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The billing address on file, in the platform's own keys.",
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The raw customer as the store gave it.",
        ),
        sa.Column(
            "source_created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the account was made.",
        ),
        sa.Column(
            "source_updated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was last changed in the store; null if the store does not say.",
        ),
        sa.Column(
            "synced_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When storelink last wrote this row (database clock).",
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When storelink learnt that it was deleted.",
        ),
        sa.Column(
            "redacted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its personal data were erased.",
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_platform_customer_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "customer_id", name=op.f("pk_platform_customer")),
    )
    op.create_index(
        "ix_platform_customer_email", "platform_customer", [sa.literal_column("lower(email)")], unique=False
    )
    op.create_table(
        "platform_product",
        sa.Column(
            "connector_id",
            sa.Uuid(),
            nullable=False,
            comment="The store; two stores of one platform share ids and SKUs.",
        ),
        sa.Column(
            "variant_id",
            sa.Text(),
            nullable=False,
            comment="The store's id of the unit: the variation's, or the product's own if it has none.",
        ),
        sa.Column("platform", sa.Text(), nullable=False, comment="`woocommerce` or `shopify`."),
        sa.Column(
            "sku",
            sa.Text(),
            nullable=True,
            comment="The merchant's stock keeping unit; real catalogs have empty and repeated ones.",
        ),
        sa.Column(
            "product_id", sa.Text(), nullable=False, comment="The store's id of the product it belongs to."
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="The product's name, plain text."),
        sa.Column(
            "variant_title",
            sa.Text(),
            nullable=True,
            comment="The variation's options joined, such as `M / red`; null for a simple product.",
        ),
        sa.Column("description", sa.Text(), nullable=True, comment="Plain text, markup removed."),
        sa.Column(
            "price",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Current selling price in `currency`; null if none is set.",
        ),
        sa.Column(
            "compare_at_price",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Regular price while it is on sale; else null.",
        ),
        sa.Column("currency", sa.Text(), nullable=True, comment="ISO 4217 code of the store's currency."),
        sa.Column(
            "available",
            sa.Boolean(),
            nullable=False,
            comment="Published and purchasable, with stock or back orders allowed.",
        ),
        sa.Column(
            "inventory_quantity",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Units in stock, negative if oversold; null if the store does not count.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=True,
            comment="The platform's own word: publish, draft, private, trash …",
        ),
        sa.Column("vendor", sa.Text(), nullable=True, comment="Brand, where the platform has one."),
        sa.Column(
            "product_type",
            sa.Text(),
            nullable=True,
            comment="The platform's own word: simple, variation, external …",
        ),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="List of `{name, value}` of this unit.",
        ),
        sa.Column("image_url", sa.Text(), nullable=True, comment="Its first picture, else the product's."),
        sa.Column("url", sa.Text(), nullable=True, comment="Page in the shop."),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The raw unit as the store gave it; the product's own fields under `product`.",
        ),
        sa.Column(
            "source_created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was made in the store.",
        ),
        sa.Column(
            "source_updated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The later of the product's and the variation's last change in the store.",
        ),
        sa.Column(
            "synced_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When storelink last wrote this row (database clock).",
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When storelink learnt that it was trashed or deleted; null if it is live.",
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_platform_product_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "variant_id", name=op.f("pk_platform_product")),
    )
    op.create_index("ix_platform_product_available", "platform_product", ["available"], unique=False)
    op.create_index(
        "ix_platform_product_product", "platform_product", ["connector_id", "product_id"], unique=False
    )
    op.create_index("ix_platform_product_sku_platform", "platform_product", ["sku", "platform"], unique=False)
    op.create_table(
        "quarantined_record",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("resource", sa.Text(), nullable=False, comment="products, customers or orders."),
        sa.Column(
            "external_id",
            sa.Text(),
            nullable=False,
            comment="The store's id; where it has none, `?` and a digest of the payload.",
        ),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The raw record; null if it could not be read at all.",
        ),
        sa.Column("error", sa.Text(), nullable=False, comment="Why it was set aside, in words."),
        sa.Column("seen", sa.Integer(), nullable=False, comment="How often it was met."),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False, comment="Database clock."),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False, comment="Database clock."),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_quarantined_record_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "connector_id", "resource", "external_id", name=op.f("pk_quarantined_record")
        ),
    )
    op.create_table(
        "source_record",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("resource", sa.Text(), nullable=False, comment="products, customers or orders."),
        sa.Column(
            "record_id",
            sa.Text(),
            nullable=False,
            comment="The store's id; of a product, not of its variants.",
        ),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="held; stub (named by another record, not read yet); unsettled (changed under 2 s before it was read); quarantined; partial (protected fields withheld); gone (the store says it does not exist); out_of_sight.",
        ),
        sa.Column(
            "version",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The store's modification time as the record itself shows it, whole seconds.",
        ),
        sa.Column(
            "listed_version",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The modification time under which the store's list showed it.",
        ),
        sa.Column(
            "parts",
            sa.Text(),
            nullable=True,
            comment="Digest of the ids of its parts as a list shows them: an order's refunds, a product's variations.",
        ),
        sa.Column(
            "content_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="BLAKE2b-128 over the rows and the raw record without volatile keys.",
        ),
        sa.Column(
            "normalizer", sa.Integer(), nullable=True, comment="Version of the normalizer that made the rows."
        ),
        sa.Column(
            "read_started_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the read that brought it began (database clock).",
        ),
        sa.Column(
            "read_finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When that read had arrived (database clock).",
        ),
        sa.Column(
            "due_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when it must be read again; null if it need not (database clock).",
        ),
        sa.Column(
            "retry_after",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Not before this time (database clock).",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Reads in a row that brought no answer.",
        ),
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the store first said that it does not exist (database clock).",
        ),
        sa.CheckConstraint(
            "state IN ('held', 'stub', 'unsettled', 'quarantined', 'partial', 'gone', 'out_of_sight')",
            name=op.f("ck_source_record_state"),
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_source_record_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "resource", "record_id", name=op.f("pk_source_record")),
    )
    op.create_index(
        "ix_source_record_due",
        "source_record",
        ["connector_id", "resource", "due_since"],
        unique=False,
        postgresql_where=sa.text("due_since IS NOT NULL"),
    )
    op.create_index(
        "ix_source_record_gone",
        "source_record",
        ["connector_id", "resource", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NOT NULL"),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Made by storelink."),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("resource", sa.Text(), nullable=False, comment="products, customers or orders."),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="backfill, incremental, targeted, verify or renormalize.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="running, done, failed or interrupted."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, comment="Database clock."),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Null while it runs, or if its process was killed.",
        ),
        sa.Column("fetched", sa.Integer(), nullable=False, comment="Records that arrived."),
        sa.Column("inserted", sa.Integer(), nullable=False, comment="Records new to us."),
        sa.Column("updated", sa.Integer(), nullable=False, comment="Records whose content changed."),
        sa.Column(
            "unchanged", sa.Integer(), nullable=False, comment="Records read again and found the same."
        ),
        sa.Column("deleted", sa.Integer(), nullable=False, comment="Records trashed or gone in the store."),
        sa.Column(
            "quarantined", sa.Integer(), nullable=False, comment="Records that could not be understood."
        ),
        sa.Column("requests", sa.Integer(), nullable=False, comment="HTTP requests, retries included."),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="Bytes of answers."),
        sa.Column(
            "throttled_seconds",
            sa.Numeric(precision=12, scale=3),
            nullable=False,
            comment="Seconds waited because the store asked for it.",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="What went wrong, in words."),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_sync_run_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index("ix_sync_run_recent", "sync_run", ["connector_id", "started_at"], unique=False)
    op.create_table(
        "sync_state",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("resource", sa.Text(), nullable=False, comment="products, customers or orders."),
        sa.Column(
            "interval", sa.Integer(), nullable=True, comment="Seconds between passes; null: the connector's."
        ),
        sa.Column(
            "phase",
            sa.Text(),
            server_default="new",
            nullable=False,
            comment="new; backfill (cursor says how far); listing (all read, comparing with the full list); live.",
        ),
        sa.Column(
            "cursor",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Where an unfinished backfill goes on; the connector's own form.",
        ),
        sa.Column(
            "watermark",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The store's clock at the start of the last complete pass; the next asks from here, less an overlap.",
        ),
        sa.Column(
            "next_due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the next incremental pass is due (database clock).",
        ),
        sa.Column(
            "full_due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the next verify is due, or the rest of an unfinished full read (database clock).",
        ),
        sa.Column(
            "last_success_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When a pass last ran to its end (database clock).",
        ),
        sa.Column(
            "last_verified_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When a verify last ran to its end (database clock).",
        ),
        sa.Column(
            "last_drift",
            sa.Integer(),
            nullable=True,
            comment="Records that differed at the end of that verify.",
        ),
        sa.Column(
            "verify_share",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Which thirtieth of the records the next daily verify reads whole, 0 to 29.",
        ),
        sa.Column(
            "consecutive_failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Passes in a row that failed.",
        ),
        sa.Column(
            "last_error",
            sa.Text(),
            nullable=True,
            comment="What the last failed pass said; null after a success.",
        ),
        sa.Column(
            "full_token",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Fencing token of the lane of backfill and verify; each holder takes the next.",
        ),
        sa.Column(
            "poll_token",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Fencing token of the incremental lane.",
        ),
        sa.Column(
            "list_seconds",
            sa.Numeric(precision=12, scale=3),
            nullable=True,
            comment="How long the last full list took, in seconds.",
        ),
        sa.Column(
            "quiet_passes",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Passes since registration that changed nothing.",
        ),
        sa.Column(
            "quiet_requests",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Requests of those passes.",
        ),
        sa.Column(
            "future_stamped",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Records the store stamps in the future, seen by the last pass.",
        ),
        sa.CheckConstraint(
            "phase IN ('new', 'backfill', 'listing', 'live')", name=op.f("ck_sync_state_phase")
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_sync_state_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "resource", name=op.f("pk_sync_state")),
    )
    op.create_index("ix_sync_state_next_due_at", "sync_state", ["next_due_at"], unique=False)
    op.create_index("ix_sync_state_full_due_at", "sync_state", ["full_due_at"], unique=False)
    op.create_table(
        "alert",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Order of finding."
        ),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("kind", sa.Text(), nullable=False, comment="auth_failed, store_down, drift, …"),
        sa.Column("words", sa.Text(), nullable=False, comment="What is so, for people."),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was found (database clock).",
        ),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was over; null while it lasts.",
        ),
        sa.Column(
            "told_at", sa.DateTime(timezone=True), nullable=True, comment="When STORELINK_ALERT_URL took it."
        ),
        sa.Column(
            "over_told_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When STORELINK_ALERT_URL took that it is over.",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Tries to tell that failed.",
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_alert_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(
        "ix_alert_open",
        "alert",
        ["connector_id", "kind"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_alert_untold",
        "alert",
        ["id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL OR over_told_at IS NULL"),
    )
    op.create_table(
        "change_feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1."),
        sa.Column(
            "epoch",
            sa.Uuid(),
            nullable=False,
            comment="Changes when numbers may have been given twice: the database was restored or moved.",
        ),
        sa.Column("last_seq", sa.BigInteger(), nullable=False, comment="The last number given."),
        sa.Column(
            "cut_seq", sa.BigInteger(), nullable=False, comment="Events up to this one may have been deleted."
        ),
        sa.Column(
            "server",
            sa.Text(),
            nullable=False,
            comment="The server it is numbered on; another one means another epoch.",
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_change_feed_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_feed")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Order of arrival."
        ),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column(
            "topic", sa.Text(), nullable=False, comment="The platform's own word, such as `order.updated`."
        ),
        sa.Column(
            "resource",
            sa.Text(),
            nullable=True,
            comment="products, customers or orders; null for requests and other topics.",
        ),
        sa.Column(
            "external_id",
            sa.Text(),
            nullable=True,
            comment="The record it names, or what is asked about (`customers/7`); a part's id as `variant:7`.",
        ),
        sa.Column(
            "dedupe_key",
            sa.Text(),
            nullable=True,
            comment="The platform's delivery id, where it is truly unique.",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="Database clock."),
        sa.Column(
            "triggered_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the store says that it happened.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="received: still to be followed; done; ignored: nothing to read or do.",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="How often it was followed."),
        sa.Column("error", sa.Text(), nullable=True, comment="Why it could not be followed yet, in words."),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_webhook_delivery_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(
        "ix_webhook_delivery_dedupe",
        "webhook_delivery",
        ["connector_id", "dedupe_key"],
        unique=True,
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    )
    op.create_index(
        "ix_webhook_delivery_open",
        "webhook_delivery",
        ["connector_id", "resource", "external_id"],
        unique=False,
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_table(
        "platform_order",
        sa.Column(
            "connector_id",
            sa.Uuid(),
            nullable=False,
            comment="The store; every shop counts its orders from 1.",
        ),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The store's id."),
        sa.Column("platform", sa.Text(), nullable=False, comment="`woocommerce` or `shopify`."),
        sa.Column(
            "order_number",
            sa.Text(),
            nullable=False,
            comment="What customer and support call it; a plugin may make it differ from the id.",
        ),
        sa.Column(
            "customer_id", sa.Text(), nullable=True, comment="The account that ordered; null for a guest."
        ),
        sa.Column("email", sa.Text(), nullable=True, comment="Billing e-mail, guests included."),
        sa.Column("status", sa.Text(), nullable=False, comment="open, completed, cancelled or failed."),
        sa.Column(
            "financial_status",
            sa.Text(),
            nullable=True,
            comment="pending, paid, partially_refunded, refunded or voided.",
        ),
        sa.Column(
            "fulfillment_status",
            sa.Text(),
            nullable=True,
            comment="unfulfilled or fulfilled, where the platform says so.",
        ),
        sa.Column(
            "platform_status",
            sa.Text(),
            nullable=True,
            comment="The platform's own word, custom ones included.",
        ),
        sa.Column(
            "total_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="What the customer owes or paid, taxes included, before refunds.",
        ),
        sa.Column(
            "subtotal_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Lines after discounts, before tax.",
        ),
        sa.Column(
            "tax_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="All taxes, shipping's and fees' included.",
        ),
        sa.Column(
            "shipping_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Shipping before tax.",
        ),
        sa.Column(
            "discount_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="All discounts before tax, a positive number.",
        ),
        sa.Column(
            "fee_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="Fees before tax (gift wrap, payment surcharge).",
        ),
        sa.Column(
            "refunded_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Sum of its refunds, a positive number.",
        ),
        sa.Column(
            "current_total_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="total_amount less refunded_amount.",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217 code of the amounts above."),
        sa.Column(
            "presentment_currency",
            sa.Text(),
            nullable=True,
            comment="The currency that the customer was shown.",
        ),
        sa.Column(
            "presentment_total_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=True,
            comment="The total in presentment_currency.",
        ),
        sa.Column(
            "shipping_address",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="In the platform's own keys; null if empty.",
        ),
        sa.Column(
            "billing_address",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="In the platform's own keys; null if empty.",
        ),
        sa.Column(
            "line_items",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Raw lines as the store gave them.",
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The raw order without its lines.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was placed in the store.",
        ),
        sa.Column(
            "source_updated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was last changed in the store.",
        ),
        sa.Column(
            "cancelled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was cancelled, where the store says so.",
        ),
        sa.Column(
            "synced_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When storelink last wrote this row (database clock).",
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When storelink learnt that it was trashed or deleted.",
        ),
        sa.Column(
            "redacted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its personal data were erased.",
        ),
        sa.CheckConstraint(
            "status IN ('open', 'completed', 'cancelled', 'failed')", name=op.f("ck_platform_order_status")
        ),
        sa.ForeignKeyConstraint(
            ["connector_id", "customer_id"],
            ["platform_customer.connector_id", "platform_customer.customer_id"],
            name=op.f("fk_platform_order_connector_id_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"],
            ["connector_config.id"],
            name=op.f("fk_platform_order_connector_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "order_id", name=op.f("pk_platform_order")),
    )
    op.create_index(
        "ix_platform_order_created_at", "platform_order", ["connector_id", "created_at"], unique=False
    )
    op.create_index(
        "ix_platform_order_customer", "platform_order", ["connector_id", "customer_id"], unique=False
    )
    op.create_index(
        "ix_platform_order_email", "platform_order", [sa.literal_column("lower(email)")], unique=False
    )
    op.create_table(
        "order_item",
        sa.Column(
            "id",
            sa.Uuid(),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
            comment="Made by storelink.",
        ),
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The order."),
        sa.Column("item_id", sa.Text(), nullable=False, comment="The store's id of the line."),
        sa.Column(
            "sku",
            sa.Text(),
            nullable=True,
            comment="As the line had it first; kept when the product is deleted later.",
        ),
        sa.Column(
            "product_id",
            sa.Text(),
            nullable=True,
            comment="As the line had it first; null for a custom line.",
        ),
        sa.Column(
            "variant_id",
            sa.Text(),
            nullable=True,
            comment="As the line had it first; the product's id for a simple product.",
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="The line's name, plain text."),
        sa.Column("quantity", sa.Numeric(precision=19, scale=4), nullable=False, comment="Units ordered."),
        sa.Column(
            "current_quantity",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Units ordered less units refunded.",
        ),
        sa.Column(
            "refunded_quantity", sa.Numeric(precision=19, scale=4), nullable=False, comment="Units refunded."
        ),
        sa.Column(
            "price",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Unit price before order discounts and tax: line subtotal / quantity, to 4 places.",
        ),
        sa.Column(
            "total_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Line after discounts, before tax.",
        ),
        sa.Column(
            "tax_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Tax of the line after discounts.",
        ),
        sa.Column(
            "discount_amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="Line subtotal less line total.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_item")),
        sa.UniqueConstraint(
            "connector_id", "order_id", "item_id", name=op.f("uq_order_item_connector_id_order_id_item_id")
        ),
    )
    op.create_index("ix_order_item_sku", "order_item", ["sku"], unique=False)
    op.create_table(
        "order_refund",
        sa.Column("connector_id", sa.Uuid(), nullable=False, comment="The store."),
        sa.Column("refund_id", sa.Text(), nullable=False, comment="The store's id."),
        sa.Column("order_id", sa.Text(), nullable=False, comment="The order it belongs to."),
        sa.Column(
            "amount",
            sa.Numeric(precision=19, scale=4),
            nullable=False,
            comment="What was given back, taxes included, a positive number.",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217 code."),
        sa.Column("reason", sa.Text(), nullable=True, comment="As the store has it."),
        sa.Column(
            "items",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="List of `{item_id, quantity, amount, tax}`: positive numbers, money as strings; empty if by amount only.",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=True, comment="When it was made in the store."
        ),
        sa.Column(
            "refund_request_id",
            sa.Uuid(),
            nullable=True,
            comment="The request of ours that made it; null if made elsewhere.",
        ),
        sa.ForeignKeyConstraint(
            ["connector_id", "order_id"],
            ["platform_order.connector_id", "platform_order.order_id"],
            name=op.f("fk_order_refund_connector_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", "refund_id", name=op.f("pk_order_refund")),
    )
    op.create_index("ix_order_refund_order", "order_refund", ["connector_id", "order_id"], unique=False)
    # raw JSON is kept outside the row and uncompressed: see models/storage.py
    op.execute(
        "ALTER TABLE platform_order ALTER line_items SET STORAGE EXTERNAL, ALTER metadata SET STORAGE EXTERNAL"
    )
    op.execute("ALTER TABLE platform_product ALTER metadata SET STORAGE EXTERNAL")
    op.execute(
        """
        CREATE VIEW product_by_sku AS
        SELECT DISTINCT ON (platform, sku)
            platform, sku, connector_id, variant_id, product_id, title, variant_title,
            description, price, compare_at_price, currency, available, inventory_quantity,
            status, vendor, product_type, options, image_url, url, metadata, source_created_at,
            source_updated_at, synced_at, deleted_at
        FROM platform_product
        WHERE deleted_at IS NULL AND sku IS NOT NULL AND sku <> ''
        ORDER BY platform, sku, source_updated_at DESC NULLS LAST, synced_at DESC, connector_id, variant_id
        """
    )
    op.execute(
        "COMMENT ON VIEW product_by_sku IS "
        "'Live products by (platform, sku); the newest where a SKU repeats.'"
    )


def downgrade() -> None:
    op.execute("DROP VIEW product_by_sku")
    op.drop_index("ix_order_refund_order", table_name="order_refund")
    op.drop_table("order_refund")
    op.drop_index("ix_order_item_sku", table_name="order_item")
    op.drop_table("order_item")
    op.drop_index("ix_platform_order_email", table_name="platform_order")
    op.drop_index("ix_platform_order_customer", table_name="platform_order")
    op.drop_index("ix_platform_order_created_at", table_name="platform_order")
    op.drop_table("platform_order")
    op.drop_index(
        "ix_webhook_delivery_open",
        table_name="webhook_delivery",
        postgresql_where=sa.text("status = 'received'"),
    )
    op.drop_index(
        "ix_webhook_delivery_dedupe",
        table_name="webhook_delivery",
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    )
    op.drop_table("webhook_delivery")
    op.drop_table("change_feed")
    op.drop_table("alert")
    op.drop_index("ix_sync_state_full_due_at", table_name="sync_state")
    op.drop_index("ix_sync_state_next_due_at", table_name="sync_state")
    op.drop_table("sync_state")
    op.drop_index("ix_sync_run_recent", table_name="sync_run")
    op.drop_table("sync_run")
    op.drop_index(
        "ix_source_record_gone", table_name="source_record", postgresql_where=sa.text("gone_at IS NOT NULL")
    )
    op.drop_index(
        "ix_source_record_due", table_name="source_record", postgresql_where=sa.text("due_since IS NOT NULL")
    )
    op.drop_table("source_record")
    op.drop_table("quarantined_record")
    op.drop_index("ix_platform_product_sku_platform", table_name="platform_product")
    op.drop_index("ix_platform_product_product", table_name="platform_product")
    op.drop_index("ix_platform_product_available", table_name="platform_product")
    op.drop_table("platform_product")
    op.drop_index("ix_platform_customer_email", table_name="platform_customer")
    op.drop_table("platform_customer")
    op.drop_table("erased_subject")
    op.drop_index(
        "ix_change_event_unpublished", table_name="change_event", postgresql_where=sa.text("seq IS NULL")
    )
    op.drop_index(
        "ix_change_event_seq", table_name="change_event", postgresql_where=sa.text("seq IS NOT NULL")
    )
    op.drop_table("change_event")
    op.drop_index(
        "ix_master_key_current", table_name="master_key", postgresql_where=sa.text("status = 'current'")
    )
    op.drop_table("master_key")
    op.drop_table("key_report")
    op.drop_table("connector_config")
    op.drop_index("ix_audit_event_at", table_name="audit_event")
    op.drop_table("audit_event")
