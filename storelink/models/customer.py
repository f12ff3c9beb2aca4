"""People with an account in a store."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Uuid, text
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, Moment, column, optional, synced_at


class PlatformCustomer(SQLModel, table=True):
    """One row per customer account; a stub until the account itself was read."""

    __tablename__ = "platform_customer"
    __table_args__ = (Index("ix_platform_customer_email", text("lower(email)")),)

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    customer_id: str = column(TEXT, "The store's id of the account.", primary_key=True)
    platform: str = column(TEXT, "`woocommerce` or `shopify`.")
    email: str | None = optional(TEXT, "As the store has it; null for phone-only accounts and stubs.")
    name: str | None = optional(TEXT, "First and last name.")
    phone: str | None = optional(TEXT, "As the store has it.")
    default_address: dict[str, Any] | None = optional(
        JSON, "The billing address on file, in the platform's own keys."
    )
    attributes: dict[str, Any] = column(
        JSON, "The raw customer as the store gave it.", sa_column_kwargs={"name": "metadata"}
    )
    source_created_at: Moment = optional(TIME, "When the account was made.")
    source_updated_at: Moment = optional(
        TIME, "When it was last changed in the store; null if the store does not say."
    )
    synced_at: datetime = synced_at()
    deleted_at: Moment = optional(TIME, "When storelink learnt that it was deleted.")
    redacted_at: Moment = optional(TIME, "When its personal data were erased.")
