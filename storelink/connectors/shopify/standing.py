"""An order and its refunds as they are now, from Shopify's JSON. Pure.

A refund says what was taken back; what its transactions say became of the money is another matter.
Docs: https://shopify.dev/docs/api/admin-graphql/latest/objects/Refund
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from storelink.connectors.action import (
    BILLING,
    SHIPPING,
    Address,
    Money,
    ReturnedLine,
    SeenRefund,
    Standing,
    reference_in,
)
from storelink.connectors.money import ZERO
from storelink.connectors.protocol import Read
from storelink.connectors.shopify.address_change import address_of
from storelink.connectors.shopify.moment import moment_or_none, needed
from storelink.connectors.shopify.money import currency_of, in_shop, presentment
from storelink.connectors.shopify.places import even
from storelink.connectors.shopify.refund import paid_back, refund_items
from storelink.connectors.shopify.shape import Record, an_object, flag, gid, records, word
from storelink.connectors.text import text
from storelink.connectors.unfit import Unfit

Settings = Mapping[str, Any]

UNSETTLED = frozenset(("PENDING", "AWAITING_RESPONSE", "UNKNOWN"))
"""Statuses of a transaction of which the gateway has not said how it ends."""
_FINANCIAL = {"REFUNDED": "refunded", "PARTIALLY_REFUNDED": "partly_refunded"}
_FULFILLMENT = {
    "FULFILLED": "fulfilled",
    "FULFILLMENT_NOT_REQUIRED": "fulfilled",
    "PARTIALLY_FULFILLED": "partly_fulfilled",
    "ON_HOLD": "on_hold",
}


def standing_of(order: Record, read: Read, settings: Settings) -> Standing:
    """The order with all its refunds. Raises `Unfit`."""
    currency = order_currency(order)
    total = in_shop(order, "totalPriceSet", currency)
    shown_currency, shown_total = presentment(order, "totalPriceSet")
    shown = None
    if shown_currency is not None and shown_currency != currency and shown_total is not None:
        shown = Money(even(shown_total, shown_currency), shown_currency)
    key = gid(order.get("id"), "Order", "id")
    return Standing(
        order_id=key,
        number=(text(order.get("name"), "name") or key).removeprefix("#"),
        version=needed(order.get("updatedAt"), "updatedAt"),
        read=read,
        total=Money(even(total, currency), currency),
        refunded=even(paid_back(order, currency), currency),
        left=even(left_of(order, currency), currency),
        states=_states(order),
        refunds=tuple(
            seen_refund(raw, currency, taxes_included=flag(order, "taxesIncluded"))
            for raw in records(order, "refunds")
        ),
        addresses=_addresses(order, settings),
        presentment=shown,
    )


def order_currency(order: Record) -> str:
    """The shop's currency when the order was placed."""
    found = currency_of(order, "totalPriceSet", "shopMoney")
    if found is None:
        raise Unfit("totalPriceSet is missing or has no amount in the shop's currency")
    return found


def left_of(order: Record, currency: str) -> Decimal:
    """What was received and neither given back nor is about to be: a refund that is pending counts."""
    waiting = sum((in_shop(part, "amountSet", currency).copy_abs() for part in pending(order)), ZERO)
    return max(in_shop(order, "netPaymentSet", currency) - waiting, ZERO)


def pending(order: Record) -> list[Record]:
    """The transactions that give something back and have not come to an end."""
    return [
        part
        for part in records(order, "transactions")
        if part.get("kind") == "REFUND" and part.get("status") in UNSETTLED
    ]


def seen_refund(raw: Record, currency: str, *, taxes_included: bool) -> SeenRefund:
    """A refund with its lines and transactions as plain lists. Raises `Unfit`.

    Its payment is `moved` where every transaction succeeded, `none` where there is none but those that
    a person has to carry out, `pending` and `failed` where any of them is.
    """
    parts = [part for part in records(raw, "transactions") if part.get("kind") == "REFUND"]
    amounts = [in_shop(part, "amountSet", currency).copy_abs() for part in parts]
    good = [amount for part, amount in zip(parts, amounts, strict=True) if part.get("status") == "SUCCESS"]
    money = _money(parts)
    note = text(raw.get("note"), "note") or ""
    whole = sum(amounts, ZERO) if parts else in_shop(raw, "totalRefundedSet", currency).copy_abs()
    return SeenRefund(
        id=gid(raw.get("id"), "Refund", "id"),
        amount=even(whole, currency),
        currency=currency,
        money=money,
        moved=even(ZERO if money == "none" else sum(good, ZERO), currency),
        reference=reference_in(note),
        words=note,
        created_at=moment_or_none(raw.get("createdAt")) or moment_or_none(raw.get("processedAt")),
        lines=_lines(raw, currency, taxes_included),
        detail="; ".join(_told(part) for part in parts),
        presentment=_shown(parts, currency),
    )


def _shown(parts: Sequence[Record], currency: str) -> Money | None:
    """What the transactions come to in the customer's currency, where that is another one."""
    found = [presentment(part, "amountSet") for part in parts]
    codes = {code for code, _ in found}
    code = codes.pop() if len(codes) == 1 else None
    if code is None or code == currency:
        return None
    return Money(even(sum((abs(amount or ZERO) for _, amount in found), ZERO), code), code)


def _money(parts: Sequence[Record]) -> str:
    if all(flag(part, "manualPaymentGateway") for part in parts):
        return "none"
    statuses = {part.get("status") for part in parts}
    if statuses <= {"SUCCESS"}:
        return "moved"
    return "failed" if statuses & {"FAILURE", "ERROR"} else "pending"


def _told(part: Record) -> str:
    """`Shopify Payments: FAILURE, CARD_DECLINED`."""
    name = text(part.get("formattedGateway"), "formattedGateway") or text(part.get("gateway"), "gateway")
    said = [word(part, "status") or "no status", word(part, "errorCode")]
    hand = ", by hand" if flag(part, "manualPaymentGateway") else ""
    return f"{name or 'a payment'}: {', '.join(filter(None, said))}{hand}"


def _lines(raw: Record, currency: str, taxes_included: bool) -> tuple[ReturnedLine, ...]:
    return tuple(
        ReturnedLine(one["item_id"], Decimal(one["quantity"]), Decimal(one["amount"]), Decimal(one["tax"]))
        for one in refund_items(raw, currency, taxes_included)
        if one["item_id"] is not None
    )


def _states(order: Record) -> frozenset[str]:
    found = {
        _FINANCIAL.get(word(order, "displayFinancialStatus") or ""),
        _FULFILLMENT.get(word(order, "displayFulfillmentStatus") or ""),
    }
    if order.get("cancelledAt") is not None:
        found.add("cancelled")
    if flag(order, "test"):
        found.add("test")
    received = [
        part
        for part in records(order, "transactions")
        if part.get("kind") in ("SALE", "CAPTURE") and part.get("status") == "SUCCESS"
    ]
    if not received:
        found.add("unpaid")
    return frozenset(state for state in found if state)


def _addresses(order: Record, settings: Settings) -> dict[str, Address]:
    """Those that are shown to us. One that is kept from us is left out: it is not empty, but unknown."""
    found = {SHIPPING: an_object(order, "shippingAddress"), BILLING: an_object(order, "billingAddress")}
    return {kind: address_of(raw) for kind, raw in found.items() if not _kept_from_us(raw, settings)}


def _kept_from_us(raw: Mapping[str, Any], settings: Settings) -> bool:
    protected = settings.get("protected")
    said = protected.get("personal") if isinstance(protected, Mapping) else None
    if said in ("granted", "withheld"):
        return bool(said == "withheld")
    return bool(raw) and all(raw.get(name) is None for name in ("firstName", "lastName", "address1", "zip"))
