"""An order with its lines and refunds, from WooCommerce's JSON to rows. Pure.

The raw record is the order as `GET /orders/<id>` gives it, plus our key `refund_details`: its
refunds as `GET /orders/<id>/refunds` gives them, where it has any.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#orders
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.money import ZERO, amount, bounded, or_zero, unit_price
from storelink.connectors.protocol import Ignored, Rows
from storelink.connectors.rows import ItemRow, Json, OrderRow, RefundRow
from storelink.connectors.storable import json_text
from storelink.connectors.text import line, short, text
from storelink.connectors.unfit import Unfit
from storelink.connectors.woocommerce.moment import moment, moment_or_none
from storelink.connectors.woocommerce.shape import (
    Record,
    address,
    an_object,
    meta,
    optional_id,
    record_id,
    records,
)

Settings = Mapping[str, Any]

IGNORED = frozenset(("checkout-draft", "auto-draft"))
"""Carts that became an order only in the checkout block, and orders nobody has saved yet."""
STATUS = {"completed": "completed", "refunded": "completed", "cancelled": "cancelled", "failed": "failed"}
"""Any other status, a plugin's own included, is open."""
VOLATILE = (
    "_links",  # says http or https as the request came, and grows with every plugin
    "needs_processing",  # asks the products, as they are today, whether they are virtual
)
LINE_VOLATILE = ("image", "parent_name", "global_unique_id")
"""What the product, not the order, has today: an edit of a product would change all its orders."""
REFUND_VOLATILE = ("_links", "parent_id")
"""`parent_id` is in the answer of one endpoint and not in that of the other."""


def normalize_order(raw: Record, settings: Settings) -> Rows | Ignored:
    """Rows of an order; `Ignored` for drafts. Raises `Unfit`."""
    key = record_id(raw.get("id"), "id")
    platform_status = _status(raw.get("status"), "status")
    if platform_status in IGNORED:
        return Ignored(key, f"an order in status {platform_status} is not placed yet")
    trashed = platform_status == "trash"
    version = moment(raw, "date_modified", settings)
    currency = text(raw.get("currency"), "currency") or text(settings.get("currency"), "currency")
    if not currency:
        raise Unfit("currency is missing")
    lines = records(raw.get("line_items"), "line_items")
    details = _details(raw.get("refund_details"))
    refunds = _refunds(raw, key, currency, details, settings)
    if details:
        details = {row.refund_id: details[row.refund_id] for row in refunds if row.refund_id in details}
    items = _items(key, lines, _given_back(details))
    order = _order(
        raw, key, currency, platform_status, version, items, refunds,
        _stored_lines(lines), _stored(raw, details), settings,
    )  # fmt: skip
    return Rows(
        id=key,
        version=version,
        trashed=trashed,
        parts=tuple(sorted([refund.refund_id for refund in refunds])),
        orders=(order,),
        items=items,
        refunds=refunds,
    )


# -- the order itself ------------------------------------------------------------------------------


def _order(
    raw: Record,
    key: str,
    currency: str,
    platform_status: str,
    version: datetime | None,
    items: Sequence[ItemRow],
    refunds: Sequence[RefundRow],
    line_items: Json,
    metadata: Json,
    settings: Settings,
) -> OrderRow:
    total = amount(raw.get("total"), "total")
    if total is None:
        raise Unfit("total is empty")
    billing = an_object(raw.get("billing"), "billing")
    refunded = bounded(sum([refund.amount for refund in refunds], ZERO), "the sum of the refunds")
    was = _before_trash(raw) if platform_status == "trash" else platform_status
    subtotal = sum([item.total_amount for item in items], ZERO)
    return OrderRow(
        order_id=key,
        order_number=short(raw.get("number"), "number") or key,
        customer_id=optional_id(raw.get("customer_id"), "customer_id"),
        email=short(billing.get("email"), "billing.email"),
        status=STATUS.get(was, "open"),
        financial_status=financial_status(was, _paid(raw, settings), total, refunded),
        fulfillment_status=_fulfillment(was, raw),
        platform_status=platform_status,
        total_amount=total,
        subtotal_amount=bounded(subtotal, "the sum of the lines"),
        tax_amount=amount(raw.get("total_tax"), "total_tax"),
        shipping_amount=amount(raw.get("shipping_total"), "shipping_total"),
        discount_amount=amount(raw.get("discount_total"), "discount_total"),
        fee_amount=_fees(raw),
        refunded_amount=refunded,
        current_total_amount=bounded(total - refunded, "total less refunds"),
        currency=currency,
        presentment_currency=currency,
        presentment_total_amount=total,
        shipping_address=address(raw.get("shipping"), "shipping"),
        billing_address=address(billing, "billing"),
        line_items=line_items,
        metadata=metadata,
        created_at=moment(raw, "date_created", settings),
        source_updated_at=version,
        cancelled_at=None,  # WooCommerce does not say
    )


def _status(value: Any, name: str) -> str:
    found = text(value, name)
    if not found:
        raise Unfit(f"{name} is missing")
    return found.removeprefix("wc-")


def _before_trash(raw: Record) -> str:
    """The status an order had: WordPress notes it. Else completed if it ever was, else cancelled."""
    noted = meta(raw, "_wp_trash_meta_status")
    if isinstance(noted, str) and noted.removeprefix("wc-"):
        return noted.removeprefix("wc-")
    return "completed" if raw.get("date_completed_gmt") or raw.get("date_completed") else "cancelled"


def _paid(raw: Record, settings: Settings) -> bool:
    return moment_or_none(raw, "date_paid", settings) is not None


def financial_status(status: str, paid: bool, total: Decimal, refunded: Decimal) -> str:
    """pending, paid, partially_refunded, refunded or voided.

    `paid` is whether the order has a payment date; amounts are positive. Money given back speaks
    first, then money that came in; WooCommerce counts processing and completed as paid.
    """
    if status == "refunded" or refunded >= total > 0:
        return "refunded"
    if refunded > 0:
        return "partially_refunded"
    if paid or status in ("processing", "completed"):
        return "paid"
    return "voided" if status in ("cancelled", "failed") else "pending"


def _fulfillment(status: str, raw: Record) -> str | None:
    if status in ("cancelled", "failed"):
        return None
    done = status == "completed" or (status == "refunded" and raw.get("date_completed"))
    return "fulfilled" if done else "unfulfilled"


def _fees(raw: Record) -> Decimal:
    fees = records(raw.get("fee_lines"), "fee_lines")
    if not fees:
        return ZERO
    amounts = [or_zero(fee.get("total"), f"fee_lines[{place}].total") for place, fee in enumerate(fees)]
    return bounded(sum(amounts, ZERO), "the sum of the fees")


# -- lines -----------------------------------------------------------------------------------------


def _items(key: str, lines: Sequence[Record], returned: Mapping[str, Decimal]) -> list[ItemRow]:
    found = []
    for place, raw in enumerate(lines):
        try:
            found.append(_item(key, raw, returned))
        except Unfit as error:
            raise error.within(f"line_items[{place}]") from None
    if len({item.item_id for item in found}) < len(found):
        raise Unfit("line_items has one id twice")
    return found


def _item(key: str, raw: Record, returned: Mapping[str, Decimal]) -> ItemRow:
    item_id = record_id(raw.get("id"), "id")
    quantity = amount(raw.get("quantity"), "quantity")
    if quantity is None:
        raise Unfit("quantity is missing")
    subtotal = or_zero(raw.get("subtotal"), "subtotal")
    total = or_zero(raw.get("total"), "total")
    given_back = returned.get(item_id, ZERO)
    product_id = optional_id(raw.get("product_id"), "product_id")
    return ItemRow(
        order_id=key,
        item_id=item_id,
        sku=short(raw.get("sku"), "sku"),
        product_id=product_id,
        variant_id=optional_id(raw.get("variation_id"), "variation_id") or product_id,
        title=line(raw.get("name"), "name") or "",
        quantity=quantity,
        current_quantity=bounded(quantity - given_back, "quantity less refunds"),
        refunded_quantity=given_back,
        price=unit_price(subtotal, quantity, "subtotal / quantity"),
        total_amount=total,
        tax_amount=or_zero(raw.get("total_tax"), "total_tax"),
        discount_amount=bounded(subtotal - total, "subtotal less total"),
    )


# -- refunds ---------------------------------------------------------------------------------------


def _details(value: Any) -> dict[str, Record]:
    """`refund_details` by id."""
    if not value:
        return {}
    found = {}
    for place, detail in enumerate(records(value, "refund_details")):
        found[record_id(detail.get("id"), f"refund_details[{place}].id")] = detail
    return found


def _refunds(
    raw: Record, key: str, currency: str, details: Mapping[str, Record], settings: Settings
) -> list[RefundRow]:
    """The refunds that the order itself names; what only the details have was made after it was read."""
    named = raw.get("refunds")
    if not named:
        return []
    found: dict[str, RefundRow] = {}
    for place, short_form in enumerate(records(named, "refunds")):
        try:
            row = _refund(short_form, key, currency, details, settings)
        except Unfit as error:
            raise error.within(f"refunds[{place}]") from None
        found.setdefault(row.refund_id, row)
    return list(found.values())


def _refund(
    short_form: Record, key: str, currency: str, details: Mapping[str, Record], settings: Settings
) -> RefundRow:
    refund_id = record_id(short_form.get("id"), "id")
    detail = details.get(refund_id)
    if detail is None:
        total = short_form.get("total")
        # the order puts "-" in front of the amount, and a refund of nothing has an empty one
        money = None if total == "-" else amount(total, "total")
        items, created = b"[]", None
    else:
        money = amount(detail.get("amount"), "amount")
        items = json_text(refund_items(detail))
        created = moment_or_none(detail, "date_created", settings)
    return RefundRow(
        refund_id=refund_id,
        order_id=key,
        amount=ZERO if money is None else money.copy_abs(),
        currency=currency,
        reason=text((detail or short_form).get("reason"), "reason"),
        items=items,
        created_at=created,
    )


def refund_items(detail: Record) -> list[dict[str, Any]]:
    """What a refund gave back for each line: positive numbers, money as strings.

    `item_id` is null where the refund does not say which line it is about.
    """
    found = []
    for place, raw in enumerate(records(detail.get("line_items"), "line_items")):
        try:
            quantity = _refunded_quantity(raw)
            found.append(
                {
                    "item_id": optional_id(meta(raw, "_refunded_item_id"), "_refunded_item_id"),
                    "quantity": int(quantity) if quantity == int(quantity) else float(quantity),
                    "amount": _positive(raw.get("total"), "total"),
                    "tax": _positive(raw.get("total_tax"), "total_tax"),
                }
            )
        except Unfit as error:
            raise error.within(f"line_items[{place}]") from None
    return found


def _positive(value: Any, name: str) -> str:
    found = amount(value, name)
    return "0" if found is None else format(found.copy_abs(), "f")


def _refunded_quantity(raw: Record) -> Decimal:
    return (amount(raw.get("quantity"), "quantity") or ZERO).copy_abs()


def _given_back(details: Mapping[str, Record]) -> dict[str, Decimal]:
    """Units given back by line id, over all refunds."""
    found: dict[str, Decimal] = {}
    for detail in details.values():
        for raw in records(detail.get("line_items"), "line_items"):
            item_id = optional_id(meta(raw, "_refunded_item_id"), "_refunded_item_id")
            if item_id:
                more = found.get(item_id, ZERO) + _refunded_quantity(raw)
                found[item_id] = bounded(more, "refunded quantity")
    return found


# -- what is kept raw ------------------------------------------------------------------------------


def _stored_lines(lines: Sequence[Record]) -> Json:
    return json_text([without(raw, LINE_VOLATILE) for raw in lines])


def _stored(raw: Record, details: Mapping[str, Record]) -> Json:
    kept = without(raw, VOLATILE)
    kept.pop("line_items", None)
    kept.pop("refund_details", None)
    if details:
        kept["refund_details"] = [_stored_refund(details[key]) for key in sorted(details, key=int)]
    return json_text(kept)


def _stored_refund(detail: Record) -> Record:
    kept = without(detail, REFUND_VOLATILE)
    lines = records(detail.get("line_items"), "refund_details.line_items")
    kept["line_items"] = [without(raw, LINE_VOLATILE) for raw in lines]
    return kept


def without(record: Record, keys: Sequence[str]) -> Record:
    """A shallow copy that lacks `keys`."""
    kept = record.copy()
    for key in keys:
        kept.pop(key, None)
    return kept


def rebuild_order(row: Mapping[str, Any]) -> Record:
    """The raw order from its row."""
    return {**(row["metadata"] or {}), "line_items": row["line_items"] or []}
