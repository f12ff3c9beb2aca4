"""Webhook deliveries: hints that a record changed. No body is kept."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Uuid, text
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, Moment, column, optional


class WebhookDelivery(SQLModel, table=True):
    """One row per delivery that a store signed."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index(
            "ix_webhook_delivery_open",
            "connector_id",
            "resource",
            "external_id",
            postgresql_where=text("status = 'received'"),
        ),
        Index(
            "ix_webhook_delivery_dedupe",
            "connector_id",
            "dedupe_key",
            unique=True,
            postgresql_where=text("dedupe_key IS NOT NULL"),
        ),
    )

    id: int | None = column(
        BigInteger,
        "Order of arrival.",
        primary_key=True,
        default=None,
        sa_column_args=(Identity(always=False),),
    )
    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    topic: str = column(TEXT, "The platform's own word, such as `order.updated`.")
    resource: str | None = optional(
        TEXT, "products, customers or orders; null for requests and other topics."
    )
    external_id: str | None = optional(
        TEXT, "The record it names, or what is asked about (`customers/7`); a part's id as `variant:7`."
    )
    dedupe_key: str | None = optional(TEXT, "The platform's delivery id, where it is truly unique.")
    received_at: datetime = column(TIME, "Database clock.")
    triggered_at: Moment = optional(TIME, "When the store says that it happened.")
    status: str = column(
        TEXT,
        "received: still to be followed; done; ignored: nothing to read or do; failed: the record could "
        "not be read in five tries, and is in quarantine.",
    )
    attempts: int = column(Integer, "How often it was followed.", default=0)
    error: str | None = optional(TEXT, "Why it could not be followed yet, in words.")
