"""The lines of an order, from Shopify's JSON to rows. Pure.

`quantity`, discounts and taxes of a `LineItem` speak of all units that were ever on the line;
`currentQuantity` leaves out those refunded and those removed by an edit of the order. So

    removed = quantity - currentQuantity - refunded

where `refunded` is what the refunds name. The row has `quantity` as the store says it, and its amounts
are those of the units that were not removed: an order edited down keeps the discount and the tax of
the old quantity on its line, of which the units that stayed have their share.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/LineItem
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from storelink.connectors.money import ZERO, amount, bounded
from storelink.connectors.rows import ItemRow
from storelink.connectors.shopify.money import in_shop, share
from storelink.connectors.shopify.shape import Record, gid, named_id, records
from storelink.connectors.text import one_line, short
from storelink.connectors.unfit import Unfit


def normalize_items(
    order_id: str,
    lines: Sequence[Record],
    currency: str,
    taxes_included: bool,
    returned: Mapping[str, Decimal],
) -> list[ItemRow]:
    """The rows of the lines. `returned` is units refunded by line id. Raises `Unfit`."""
    found = []
    for place, raw in enumerate(lines):
        try:
            found.append(_item(order_id, raw, currency, taxes_included, returned))
        except Unfit as error:
            raise error.within(f"lineItems[{place}]") from None
    if len({item.item_id for item in found}) < len(found):
        raise Unfit("lineItems has one id twice")
    return found


def _item(
    order_id: str, raw: Record, currency: str, taxes_included: bool, returned: Mapping[str, Decimal]
) -> ItemRow:
    item_id = gid(raw.get("id"), "LineItem", "id")
    quantity = count(raw, "quantity")
    current = count(raw, "currentQuantity")
    refunded = returned.get(item_id, ZERO)
    kept = quantity
    if current != quantity:  # more may have been refunded than left: never count back what was not there
        kept -= max(quantity - current - refunded, ZERO)
    unit = in_shop(raw, "originalUnitPriceSet", currency)
    discount = share(_allocated(raw, currency), kept, quantity, "discount")
    tax = share(taxes(raw, currency), kept, quantity, "tax")
    before = bounded(unit * kept, "originalUnitPriceSet")
    total = before - discount
    price = unit
    if taxes_included and tax:
        # the store's prices have the tax in them; of what a discount took off, tax was a part too
        price = share(unit, total - tax, total, "price")
        discount = share(discount, total - tax, total, "discount")
        total -= tax
    return ItemRow(
        order_id=order_id,
        item_id=item_id,
        sku=short(raw.get("sku"), "sku"),
        product_id=named_id(raw, "product", "Product"),
        variant_id=named_id(raw, "variant", "ProductVariant"),
        title=one_line(raw.get("name"), "name") or one_line(raw.get("title"), "title") or "",
        quantity=quantity,
        current_quantity=current,
        refunded_quantity=refunded,
        price=price,
        total_amount=bounded(total, "line total"),
        tax_amount=tax,
        discount_amount=discount,
    )


def count(record: Mapping[str, Any], name: str) -> Decimal:
    """A whole number of units, zero or more."""
    found = record.get(name)
    if type(found) is int and 0 <= found < 10**9:
        return Decimal(found)
    number = amount(found, name)
    if number is None:
        raise Unfit(f"{name} is missing")
    if not 0 <= number < 10**9 or number != int(number):
        raise Unfit(f"{name} is no number of units: {number}")
    return number


def taxes(record: Mapping[str, Any], currency: str) -> Decimal:
    """The sum of an object's tax lines."""
    return _sum(record, "taxLines", "priceSet", currency)


def _allocated(record: Mapping[str, Any], currency: str) -> Decimal:
    """What was taken off: the line's own discounts and its part of the order's."""
    return _sum(record, "discountAllocations", "allocatedAmountSet", currency)


def _sum(record: Mapping[str, Any], name: str, part: str, currency: str) -> Decimal:
    lines = records(record, name)
    if not lines:
        return ZERO
    total = ZERO
    for place, line in enumerate(lines):
        try:
            total += in_shop(line, part, currency)
        except Unfit as error:
            raise error.within(f"{name}[{place}]") from None
    return bounded(total, name) if total else ZERO
