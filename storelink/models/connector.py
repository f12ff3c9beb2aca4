"""A registered store: where it is, its sealed credentials, how often it is read."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Integer,
    LargeBinary,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, Moment, column, optional

STATUSES = ("active", "paused", "auth_failed", "uninstalled")


class ConnectorConfig(SQLModel, table=True):
    """One row per registered store."""

    __tablename__ = "connector_config"
    __table_args__ = (
        UniqueConstraint("platform", "store_url"),
        CheckConstraint("status IN ('active', 'paused', 'auth_failed', 'uninstalled')", name="status"),
        CheckConstraint("sync_interval >= 10", name="sync_interval"),
    )

    id: uuid.UUID = column(Uuid, "Made by storelink.", primary_key=True, default_factory=uuid.uuid4)
    name: str = column(TEXT, "The handle that people type; chosen by ops.", unique=True)
    platform: str = column(TEXT, "`woocommerce` or `shopify`: the name of the connector.")
    store_url: str = column(TEXT, "Base URL of the store, scheme and host lower case, no slash at the end.")
    auth_mode: str = column(TEXT, "How requests are signed; the connector's own word, such as `keys`.")
    api_key: str | None = optional(TEXT, "Sealed (AES-256-GCM); never readable without the master key.")
    secret: str | None = optional(TEXT, "Sealed, as api_key.")
    credentials: str | None = optional(TEXT, "Sealed JSON of tokens, for platforms that issue them.")
    webhook_secrets: str | None = optional(TEXT, "Sealed JSON list, newest first.")
    data_key: bytes | None = optional(LargeBinary, "The connector's data key, wrapped by the master key.")
    key_id: str | None = optional(TEXT, "Which master key wraps data_key.")
    erasure_key: bytes | None = optional(
        LargeBinary, "The key of the store's erased_subject digests, wrapped by the master key."
    )
    erasure_key_id: str | None = optional(TEXT, "Which master key wraps erasure_key.")
    token_expires_at: Moment = optional(TIME, "When the present token stops working.")
    status: str = column(TEXT, "active, paused, auth_failed or uninstalled.", default="active")
    sync_interval: int = column(
        Integer,
        "Seconds between incremental passes.",
        default=300,
        sa_column_kwargs={"server_default": text("300")},
    )
    allow_http: bool = column(
        Boolean, "Whether ops accepted a store that is read without encryption.", default=False
    )
    settings: dict[str, Any] = column(
        JSON,
        "What the check learnt of the store: version, currency, time zone, features.",
        default_factory=dict,
    )
    created_at: datetime = column(
        TIME,
        "When it was registered.",
        default=None,
        sa_column_kwargs={"server_default": func.now()},
        nullable=False,
    )
    updated_at: datetime = column(
        TIME,
        "When it was last changed by ops.",
        default=None,
        sa_column_kwargs={"server_default": func.now()},
        nullable=False,
    )
