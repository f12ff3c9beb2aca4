"""Sellable units of a store's catalog: simple products and variations."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Uuid
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


class PlatformProduct(SQLModel, table=True):
    """One row per sellable unit (SKU); a variable product is only its variations."""

    __tablename__ = "platform_product"
    __table_args__ = (
        Index("ix_platform_product_sku_platform", "sku", "platform"),
        Index("ix_platform_product_product", "connector_id", "product_id"),
        Index("ix_platform_product_available", "available"),
    )

    connector_id: uuid.UUID = column(
        Uuid,
        "The store; two stores of one platform share ids and SKUs.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    variant_id: str = column(
        TEXT,
        "The store's id of the unit: the variation's, or the product's own if it has none.",
        primary_key=True,
    )
    platform: str = column(TEXT, "`woocommerce` or `shopify`.")
    sku: str | None = optional(
        TEXT, "The merchant's stock keeping unit; real catalogs have empty and repeated ones."
    )
    product_id: str = column(TEXT, "The store's id of the product it belongs to.")
    title: str = column(TEXT, "The product's name, plain text.")
    variant_title: str | None = optional(
        TEXT, "The variation's options joined, such as `M / red`; null for a simple product."
    )
    description: str | None = optional(TEXT, "Plain text, markup removed.")
    price: Decimal | None = optional(MONEY, "Current selling price in `currency`; null if none is set.")
    compare_at_price: Decimal | None = optional(MONEY, "Regular price while it is on sale; else null.")
    currency: str | None = optional(TEXT, "ISO 4217 code of the store's currency.")
    available: bool = column(Boolean, "Published and purchasable, with stock or back orders allowed.")
    inventory_quantity: Decimal | None = optional(
        QUANTITY, "Units in stock, negative if oversold; null if the store does not count."
    )
    status: str | None = optional(TEXT, "The platform's own word: publish, draft, private, trash …")
    vendor: str | None = optional(TEXT, "Brand, where the platform has one.")
    product_type: str | None = optional(TEXT, "The platform's own word: simple, variation, external …")
    options: list[dict[str, Any]] | None = optional(JSON, "List of `{name, value}` of this unit.")
    image_url: str | None = optional(TEXT, "Its first picture, else the product's.")
    url: str | None = optional(TEXT, "Page in the shop.")
    attributes: dict[str, Any] = column(
        JSON,
        "The raw unit as the store gave it; the product's own fields under `product`.",
        sa_column_kwargs={"name": "metadata"},
    )
    source_created_at: Moment = optional(TIME, "When it was made in the store.")
    source_updated_at: Moment = optional(
        TIME, "The later of the product's and the variation's last change in the store."
    )
    synced_at: datetime = synced_at()
    deleted_at: Moment = optional(
        TIME, "When storelink learnt that it was trashed or deleted; null if it is live."
    )
