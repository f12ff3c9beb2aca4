"""The refunds of an order, from Shopify's JSON to rows. Pure.

A refund says what was taken back; its transactions say what was paid. The two differ: a transaction may
be pending or have failed, a return may have been exchanged for something else (what the customer got
instead is in no `refundLineItems`, and the money is already net of it), a fee may have been kept. So an
amount is always the sum of transactions that succeeded, never that of lines.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Refund
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from storelink.connectors.money import ZERO, bounded
from storelink.connectors.rows import RefundRow
from storelink.connectors.shopify.item import count
from storelink.connectors.shopify.moment import moment_or_none
from storelink.connectors.shopify.money import in_shop
from storelink.connectors.shopify.shape import Record, gid, named_id, records
from storelink.connectors.storable import json_text
from storelink.connectors.text import text
from storelink.connectors.unfit import Unfit


def normalize_refunds(
    order_id: str, refunds: Sequence[Record], currency: str, taxes_included: bool
) -> tuple[list[RefundRow], dict[str, Decimal]]:
    """The rows of the refunds, and the units they took back by line id. Raises `Unfit`."""
    rows: list[RefundRow] = []
    returned: dict[str, Decimal] = {}
    for place, raw in enumerate(refunds):
        try:
            rows.append(_refund(order_id, raw, currency, taxes_included))
            for item_id, units in _units(raw):
                returned[item_id] = bounded(returned.get(item_id, ZERO) + units, "refunded units")
        except Unfit as error:
            raise error.within(f"refunds[{place}]") from None
    if len({row.refund_id for row in rows}) < len(rows):
        raise Unfit("refunds has one id twice")
    return rows, returned


def paid_back(record: Record, currency: str) -> Decimal:
    """What refunds of an object's `transactions` have paid: those that succeeded, a positive number."""
    total = ZERO
    for place, raw in enumerate(records(record, "transactions")):
        if raw.get("kind") == "REFUND" and raw.get("status") == "SUCCESS":
            try:
                total += in_shop(raw, "amountSet", currency).copy_abs()
            except Unfit as error:
                raise error.within(f"transactions[{place}]") from None
    return bounded(total, "the sum of the transactions")


def _refund(order_id: str, raw: Record, currency: str, taxes_included: bool) -> RefundRow:
    return RefundRow(
        refund_id=gid(raw.get("id"), "Refund", "id"),
        order_id=order_id,
        amount=paid_back(raw, currency),
        currency=currency,
        reason=text(raw.get("note"), "note"),
        items=json_text(refund_items(raw, currency, taxes_included)),
        # createdAt may be null
        created_at=moment_or_none(raw.get("createdAt")) or moment_or_none(raw.get("processedAt")),
    )


def refund_items(raw: Record, currency: str, taxes_included: bool) -> list[dict[str, Any]]:
    """What a refund took back of each line: positive numbers, money before tax, as strings."""
    found = []
    for place, line in enumerate(records(raw, "refundLineItems")):
        try:
            units = count(line, "quantity")
            value = in_shop(line, "subtotalSet", currency)
            tax = in_shop(line, "totalTaxSet", currency)
            found.append(
                {
                    "item_id": named_id(line, "lineItem", "LineItem"),
                    "quantity": int(units),
                    "amount": format((value - tax if taxes_included else value).copy_abs(), "f"),
                    "tax": format(tax.copy_abs(), "f"),
                }
            )
        except Unfit as error:
            raise error.within(f"refundLineItems[{place}]") from None
    return found


def _units(raw: Record) -> list[tuple[str, Decimal]]:
    found = []
    for line in records(raw, "refundLineItems"):
        item_id = named_id(line, "lineItem", "LineItem")
        if item_id is not None:
            found.append((item_id, count(line, "quantity")))
    return found
