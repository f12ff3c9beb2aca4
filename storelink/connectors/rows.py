"""What is written of a record: a row of each unified table, as `protocol.Rows` has them.

Columns mean what `docs/data-model.md` says. Ids are text, times aware, money Decimal.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

Json = bytes
"""JSON text with sorted keys in UTF-8, ready for a jsonb column (which forgets their order)."""


class ProductRow(NamedTuple):
    """A row of `platform_product`; see there for units and sources."""

    variant_id: str
    sku: str | None
    product_id: str
    title: str
    variant_title: str | None
    description: str | None
    price: Decimal | None
    compare_at_price: Decimal | None
    currency: str | None
    available: bool
    inventory_quantity: Decimal | None
    status: str | None
    vendor: str | None
    product_type: str | None
    options: Json | None
    image_url: str | None
    url: str | None
    metadata: Json
    source_created_at: datetime | None
    source_updated_at: datetime | None


class CustomerRow(NamedTuple):
    """A row of `platform_customer`."""

    customer_id: str
    email: str | None
    name: str | None
    phone: str | None
    default_address: Json | None
    metadata: Json
    source_created_at: datetime | None
    source_updated_at: datetime | None


class OrderRow(NamedTuple):
    """A row of `platform_order`."""

    order_id: str
    order_number: str
    customer_id: str | None
    email: str | None
    status: str
    financial_status: str | None
    fulfillment_status: str | None
    platform_status: str | None
    total_amount: Decimal
    subtotal_amount: Decimal | None
    tax_amount: Decimal | None
    shipping_amount: Decimal | None
    discount_amount: Decimal | None
    fee_amount: Decimal | None
    refunded_amount: Decimal
    current_total_amount: Decimal
    currency: str
    presentment_currency: str | None
    presentment_total_amount: Decimal | None
    shipping_address: Json | None
    billing_address: Json | None
    line_items: Json
    metadata: Json
    created_at: datetime | None
    source_updated_at: datetime | None
    cancelled_at: datetime | None


class ItemRow(NamedTuple):
    """A row of `order_item`."""

    order_id: str
    item_id: str
    sku: str | None
    product_id: str | None
    variant_id: str | None
    title: str
    quantity: Decimal
    current_quantity: Decimal
    refunded_quantity: Decimal
    price: Decimal
    total_amount: Decimal
    tax_amount: Decimal
    discount_amount: Decimal


class RefundRow(NamedTuple):
    """A row of `order_refund`."""

    refund_id: str
    order_id: str
    amount: Decimal
    currency: str
    reason: str | None
    items: Json
    created_at: datetime | None
