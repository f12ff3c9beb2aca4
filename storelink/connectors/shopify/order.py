"""An order with its lines and refunds, from Shopify's JSON to rows. Pure.

The raw record is the `Order` with its connections as plain lists (`queries/order_fields.graphql` and the
fragments it names). Which of Shopify's amounts stands in which column, all in the shop's currency,
before refunds and after edits of the order:

- total_amount: totalPriceSet, "before returns". It follows edits, which originalTotalPriceSet does
  not, and stays when something is given back, which currentTotalPriceSet does not.
- subtotal_amount: subtotalPriceSet, "after discounts and before returns".
- tax_amount: totalTaxSet, "before returns".
- shipping_amount: discountedPriceSet of the shippingLines. What is said of totalShippingPriceSet
  contradicts itself ("returned to the customer"), and it would leave free shipping out of account.
- discount_amount: totalDiscountsSet, "before returns", of the order and its lines.
- fee_amount: originalTotalDutiesSet, originalTotalAdditionalFeesSet and totalTipReceivedSet together.
  The current ones are after returns, and no edit changes the original ones; tips are in the total and
  not in the subtotal.
- refunded_amount: the transactions of kind REFUND that succeeded; totalRefundedSet may count some
  that are still pending.
- current_total_amount: total_amount less refunded_amount, as on every platform. currentTotalPriceSet
  differs from that wherever goods came back and money did not, or the other way round.

The columns are before tax, and where `taxesIncluded` Shopify's are not: then the taxes of the lines come
off the subtotal, those of shipping off shipping, and their part off the discounts.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storelink.connectors.money import ZERO, bounded
from storelink.connectors.protocol import Rows
from storelink.connectors.rows import ItemRow, Json, OrderRow
from storelink.connectors.shopify.item import normalize_items, taxes
from storelink.connectors.shopify.moment import moment, needed
from storelink.connectors.shopify.money import currency_of, in_shop, in_shop_or_none, presentment, share
from storelink.connectors.shopify.refund import normalize_refunds, paid_back
from storelink.connectors.shopify.shape import (
    Record,
    address,
    flag,
    gid,
    named_id,
    records,
    word,
)
from storelink.connectors.shopify.unseen import unseen_of_order
from storelink.connectors.storable import json_text
from storelink.connectors.text import short
from storelink.connectors.unfit import Unfit

Settings = Mapping[str, Any]

FULFILLED = frozenset(("FULFILLED", "FULFILLMENT_NOT_REQUIRED"))
"""Nothing is left to send."""
FULFILLMENT = {
    "FULFILLED": "fulfilled",
    "FULFILLMENT_NOT_REQUIRED": "fulfilled",
    "PARTIALLY_FULFILLED": "partially_fulfilled",
    "RESTOCKED": "restocked",
    "UNFULFILLED": "unfulfilled",
    # nothing has left yet; the raw order says why
    "IN_PROGRESS": "unfulfilled",
    "ON_HOLD": "unfulfilled",
    "OPEN": "unfulfilled",
    "PENDING_FULFILLMENT": "unfulfilled",
    "REQUEST_DECLINED": "unfulfilled",
    "SCHEDULED": "unfulfilled",
}
"""Any other word, of a version to come, stands in small letters."""
PAID = frozenset(("PAID", "PARTIALLY_REFUNDED", "REFUNDED"))
"""It was paid in full, whatever was given back since."""


def normalize_order(raw: Record, settings: Settings) -> Rows:
    """Rows of an order. Raises `Unfit`."""
    key = gid(raw.get("id"), "Order", "id")
    version = needed(raw.get("updatedAt"), "updatedAt")
    currency = _currency(raw)
    taxes_included = flag(raw, "taxesIncluded")
    lines = records(raw, "lineItems")
    refunds, returned = normalize_refunds(key, records(raw, "refunds"), currency, taxes_included)
    items = normalize_items(key, lines, currency, taxes_included, returned)
    order = _order(raw, key, version, currency, taxes_included, lines, items)
    unseen = unseen_of_order(raw, settings)
    return Rows(
        id=key,
        version=version,
        partial=bool(unseen),
        withheld=unseen,
        parts=tuple(sorted([refund.refund_id for refund in refunds])),
        orders=(order,),
        items=items,
        refunds=refunds,
    )


def _currency(raw: Record) -> str:
    """The shop's currency when the order was placed. A shop may change its currency later."""
    found = currency_of(raw, "totalPriceSet", "shopMoney")
    if found is None:
        raise Unfit("totalPriceSet is missing or has no amount in the shop's currency")
    if raw.get("currencyCode", found) != found:
        raise Unfit(f"totalPriceSet is in {found}, the order in another currency")
    return found


def _order(
    raw: Record,
    key: str,
    version: datetime,
    currency: str,
    taxes_included: bool,
    lines: Sequence[Record],
    items: Sequence[ItemRow],
) -> OrderRow:
    total = in_shop(raw, "totalPriceSet", currency)
    refunded = paid_back(raw, currency)
    shown_currency, shown_total = presentment(raw, "totalPriceSet")
    cancelled_at = moment(raw.get("cancelledAt"), "cancelledAt")
    closed_at = moment(raw.get("closedAt"), "closedAt")
    financial, fulfillment = word(raw, "displayFinancialStatus"), word(raw, "displayFulfillmentStatus")
    shipping, off_shipping = _shipping(raw, currency, taxes_included)
    return OrderRow(
        order_id=key,
        order_number=_number(raw) or key,
        customer_id=named_id(raw, "customer", "Customer"),
        email=short(raw.get("email"), "email"),
        status=status(cancelled_at is not None, closed_at is not None, financial, fulfillment),
        financial_status=financial.lower() if financial else None,
        fulfillment_status=FULFILLMENT.get(fulfillment, fulfillment.lower()) if fulfillment else None,
        platform_status="cancelled" if cancelled_at else "closed" if closed_at else "open",
        total_amount=total,
        subtotal_amount=_subtotal(raw, currency, taxes_included, items),
        tax_amount=in_shop_or_none(raw, "totalTaxSet", currency),
        shipping_amount=shipping,
        discount_amount=_discount(raw, currency, taxes_included, items, off_shipping),
        fee_amount=_fees(raw, currency),
        refunded_amount=refunded,
        current_total_amount=bounded(total - refunded, "total less refunds"),
        currency=currency,
        presentment_currency=shown_currency or word(raw, "presentmentCurrencyCode"),
        presentment_total_amount=shown_total,
        shipping_address=address(raw, "shippingAddress"),
        billing_address=address(raw, "billingAddress"),
        line_items=json_text(lines),
        metadata=_kept(raw),
        created_at=moment(raw.get("createdAt"), "createdAt"),
        source_updated_at=version,
        cancelled_at=cancelled_at,
    )


def status(cancelled: bool, closed: bool, financial: str | None, fulfillment: str | None) -> str:
    """open, completed or cancelled; Shopify has no orders that failed.

    Completed is what the shop archived, what was given back whole, and what was sent and paid.
    """
    if cancelled:
        return "cancelled"
    if closed or financial == "REFUNDED" or (financial in PAID and fulfillment in FULFILLED):
        return "completed"
    return "open"


def _number(raw: Record) -> str | None:
    """What customer and support call it: the name without the # that is in front unless the shop
    chose a prefix of its own.
    """
    found = short(raw.get("name"), "name")
    if found and found.startswith("#"):
        found = found[1:]
    return found or short(raw.get("number"), "number")


# -- amounts ---------------------------------------------------------------------------------------


def _subtotal(raw: Record, currency: str, taxes_included: bool, items: Sequence[ItemRow]) -> Decimal:
    found = in_shop_or_none(raw, "subtotalPriceSet", currency)
    if found is None:
        return bounded(sum([item.total_amount for item in items], ZERO), "the sum of the lines")
    if taxes_included:
        found -= sum([item.tax_amount for item in items], ZERO)
    return bounded(found, "subtotalPriceSet")


def _shipping(raw: Record, currency: str, taxes_included: bool) -> tuple[Decimal, Decimal]:
    """What sending costs after discounts, and what they took off; both before tax."""
    cost, off = ZERO, ZERO
    for place, line in enumerate(records(raw, "shippingLines")):
        try:
            if flag(line, "isRemoved"):
                continue
            price = in_shop(line, "discountedPriceSet", currency)
            less = in_shop(line, "originalPriceSet", currency) - price
            if taxes_included and (tax := taxes(line, currency)):
                less = share(less, price - tax, price, "discount")
                price -= tax
        except Unfit as error:
            raise error.within(f"shippingLines[{place}]") from None
        cost += price
        off += less
    return bounded(cost, "the sum of the shipping"), bounded(off, "the discount of the shipping")


def _discount(
    raw: Record, currency: str, taxes_included: bool, items: Sequence[ItemRow], off_shipping: Decimal
) -> Decimal:
    found = None if taxes_included else in_shop_or_none(raw, "totalDiscountsSet", currency)
    if found is None:
        found = sum([item.discount_amount for item in items], off_shipping)
    return bounded(found, "the sum of the discounts")


def _fees(raw: Record, currency: str) -> Decimal:
    """Duties, unless the subtotal has them in it, other fees, and tips."""
    names = ["originalTotalAdditionalFeesSet", "totalTipReceivedSet"]
    if not flag(raw, "dutiesIncluded"):
        names.append("originalTotalDutiesSet")
    fees = sum([in_shop_or_none(raw, name, currency) or ZERO for name in names], ZERO)
    return bounded(fees, "the sum of the fees")


# -- what is kept raw ------------------------------------------------------------------------------


def _kept(raw: Record) -> Json:
    kept = raw.copy()
    kept.pop("lineItems", None)
    return json_text(kept)


def rebuild_order(row: Mapping[str, Any]) -> Record:
    """The raw order from its row."""
    return {**(row["metadata"] or {}), "lineItems": row["line_items"] or []}
