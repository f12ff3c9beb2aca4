"""Orders, what was bought, and what was given back."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlmodel import SQLModel

from storelink.models.columns import (
    JSON,
    MONEY,
    QUANTITY,
    TEXT,
    TIME,
    Moment,
    column,
    optional,
    synced_at,
)

_ORDER = ("platform_order.connector_id", "platform_order.order_id")


class PlatformOrder(SQLModel, table=True):
    """One row per order. Amounts are the shop currency's, before refunds and after order edits.

    No foreign keys: customers are made sure of in the transaction that writes their orders and are never
    deleted but with the store, which that transaction locks (`lane.check`). For each order the check also
    wrote a lock into the row of its customer; both were an eighth of the database's work in a backfill.
    """

    __tablename__ = "platform_order"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'completed', 'cancelled', 'failed')", name="status"),
        Index("ix_platform_order_email", text("lower(email)")),
        Index("ix_platform_order_customer", "connector_id", "customer_id"),
        Index("ix_platform_order_number", "order_number"),
        # read backwards for the newest first; new orders go in at its end
        Index("ix_platform_order_created_at", "connector_id", text("created_at NULLS FIRST")),
        # most orders end as completed: of them any page is full soon, and the index has the others alone
        Index(
            "ix_platform_order_status",
            "connector_id",
            "status",
            text("created_at NULLS FIRST"),
            postgresql_where=text("status <> 'completed'"),
        ),
        # a few bytes for every 32 pages: a backfill does not feel it, "changed since" reads no million rows
        Index(
            "ix_platform_order_synced_at",
            "synced_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32},
        ),
    )

    connector_id: uuid.UUID = column(
        Uuid,
        "The store; every shop counts its orders from 1.",
        primary_key=True,
    )
    order_id: str = column(TEXT, "The store's id.", primary_key=True)
    platform: str = column(TEXT, "`woocommerce` or `shopify`.")
    order_number: str = column(
        TEXT, "What customer and support call it; a plugin may make it differ from the id."
    )
    customer_id: str | None = optional(TEXT, "The account that ordered; null for a guest.")
    email: str | None = optional(TEXT, "Billing e-mail, guests included.")
    status: str = column(TEXT, "open, completed, cancelled or failed.")
    financial_status: str | None = optional(TEXT, "pending, paid, partially_refunded, refunded or voided.")
    fulfillment_status: str | None = optional(TEXT, "unfulfilled or fulfilled, where the platform says so.")
    platform_status: str | None = optional(TEXT, "The platform's own word, custom ones included.")
    total_amount: Decimal = column(MONEY, "What the customer owes or paid, taxes included, before refunds.")
    subtotal_amount: Decimal | None = optional(MONEY, "Lines after discounts, before tax.")
    tax_amount: Decimal | None = optional(MONEY, "All taxes, shipping's and fees' included.")
    shipping_amount: Decimal | None = optional(MONEY, "Shipping before tax.")
    discount_amount: Decimal | None = optional(MONEY, "All discounts before tax, a positive number.")
    fee_amount: Decimal | None = optional(MONEY, "Fees before tax (gift wrap, payment surcharge).")
    refunded_amount: Decimal = column(MONEY, "Sum of its refunds, a positive number.")
    current_total_amount: Decimal = column(MONEY, "total_amount less refunded_amount.")
    currency: str = column(TEXT, "ISO 4217 code of the amounts above.")
    presentment_currency: str | None = optional(TEXT, "The currency that the customer was shown.")
    presentment_total_amount: Decimal | None = optional(MONEY, "The total in presentment_currency.")
    shipping_address: dict[str, Any] | None = optional(JSON, "In the platform's own keys; null if empty.")
    billing_address: dict[str, Any] | None = optional(JSON, "In the platform's own keys; null if empty.")
    line_items: list[dict[str, Any]] = column(JSON, "Raw lines as the store gave them.")
    attributes: dict[str, Any] = column(
        JSON, "The raw order without its lines.", sa_column_kwargs={"name": "metadata"}
    )
    created_at: Moment = optional(TIME, "When it was placed in the store.")
    source_updated_at: Moment = optional(TIME, "When it was last changed in the store.")
    cancelled_at: Moment = optional(TIME, "When it was cancelled, where the store says so.")
    synced_at: datetime = synced_at()
    deleted_at: Moment = optional(TIME, "When storelink learnt that it was trashed or deleted.")
    redacted_at: Moment = optional(TIME, "When its personal data were erased.")


class OrderItem(SQLModel, table=True):
    """One row per line of an order; gone with the line.

    No foreign key: lines are only ever written in the transaction of their order, and the checks
    were a tenth of the database's work in a backfill.
    """

    __tablename__ = "order_item"
    __table_args__ = (
        UniqueConstraint("connector_id", "order_id", "item_id"),
        Index("ix_order_item_sku", "sku"),
    )

    id: uuid.UUID = column(
        Uuid,
        "Made by storelink.",
        primary_key=True,
        default_factory=uuid.uuid4,
        sa_column_kwargs={"server_default": func.gen_random_uuid()},
    )
    connector_id: uuid.UUID = column(Uuid, "The store.")
    order_id: str = column(TEXT, "The order.")
    item_id: str = column(TEXT, "The store's id of the line.")
    sku: str | None = optional(TEXT, "As the line had it first; kept when the product is deleted later.")
    product_id: str | None = optional(TEXT, "As the line had it first; null for a custom line.")
    variant_id: str | None = optional(
        TEXT, "As the line had it first; the product's id for a simple product."
    )
    title: str = column(TEXT, "The line's name, plain text.")
    quantity: Decimal = column(QUANTITY, "Units ordered.")
    current_quantity: Decimal = column(QUANTITY, "Units ordered less units refunded.")
    refunded_quantity: Decimal = column(QUANTITY, "Units refunded.")
    price: Decimal = column(
        MONEY, "Unit price before order discounts and tax: line subtotal / quantity, to 4 places."
    )
    total_amount: Decimal = column(MONEY, "Line after discounts, before tax.")
    tax_amount: Decimal = column(MONEY, "Tax of the line after discounts.")
    discount_amount: Decimal = column(MONEY, "Line subtotal less line total.")


class OrderRefund(SQLModel, table=True):
    """One row per refund; gone when the store no longer has it."""

    __tablename__ = "order_refund"
    __table_args__ = (
        ForeignKeyConstraint(["connector_id", "order_id"], list(_ORDER), ondelete="CASCADE"),
        Index("ix_order_refund_order", "connector_id", "order_id"),
    )

    connector_id: uuid.UUID = column(Uuid, "The store.", primary_key=True)
    refund_id: str = column(TEXT, "The store's id.", primary_key=True)
    order_id: str = column(TEXT, "The order it belongs to.")
    amount: Decimal = column(MONEY, "What was given back, taxes included, a positive number.")
    currency: str = column(TEXT, "ISO 4217 code.")
    reason: str | None = optional(TEXT, "As the store has it.")
    items: list[dict[str, Any]] = column(
        JSON,
        "List of `{item_id, quantity, amount, tax}`: positive numbers, money as strings; empty if by amount only.",
    )
    created_at: Moment = optional(TIME, "When it was made in the store.")
    refund_request_id: uuid.UUID | None = optional(
        Uuid, "The request of ours that made it; null if made elsewhere."
    )
