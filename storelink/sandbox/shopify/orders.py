"""Orders as documents, made of the generated shop's orders.

Amounts are whole cents of the shop's currency; `settle` adds every sum and status that follows.
The shop's fees become lines without a product, its loyalty discount a discount on the first line.
Orders that the generator calls trashed are test orders here.
"""

from typing import Any

from storelink.sandbox.shop import Delivery, Fee, Line, Order, Refund
from storelink.sandbox.shopify.amounts import fixed, rate_of
from storelink.sandbox.shopify.customers import address_doc
from storelink.sandbox.shopify.order_parts import (
    blank_delivery,
    blank_order,
    make_line,
    make_transaction,
    tax_lines,
)
from storelink.sandbox.shopify.payments import receive
from storelink.sandbox.shopify.refunds import add_refund, take_back
from storelink.sandbox.shopify.settle import settle
from storelink.sandbox.shopify.site import Site, stamp_text

Doc = dict[str, Any]
#: (product, variant, its vendor) of a line; None where the product is gone
Goods = tuple[int | None, int | None, str | None]

_SOURCES = {"checkout": "web", "rest-api": "580111", "admin": "shopify_draft_order"}
_SHIPPED = {"done": "FULFILLED", "returned": "FULFILLED", "special": "ON_HOLD", "hidden": "IN_PROGRESS"}


def order_doc(
    site: Site, order: Order, number: int, name: int, customer: int | None, goods: list[Goods]
) -> Doc:
    """A generated order; `goods` are those of its lines."""
    doc = blank_order(site, number, name, order.created)
    currency = site.currency if order.currency == "USD" else order.currency  # the generator's home
    doc.update(
        test=order.trashed,
        email=order.email,
        note=order.note or None,
        sourceName=_SOURCES.get(order.source, order.source),
        checkoutToken=order.token,
        presentmentCurrencyCode=currency,
        discountCode=order.coupons[0].code if order.coupons else None,
        discountCodes=[coupon.code for coupon in order.coupons],
        customAttributes=[
            {"key": key.strip("_"), "value": str(value)} for key, value in order.extra if key != "po"
        ],
        poNumber=next((str(value) for key, value in order.extra if key == "po"), None),
        tags=["vip"] if name % 13 == 0 else [],
        _customer=customer,
        _rate=rate_of(site.currency, currency),
        _billing=address_doc(order.billing),
        _shipping=address_doc(order.shipping) if order.deliveries else None,
        _shipped=_SHIPPED.get(order.state),
    )
    for part, line in zip(goods, order.lines, strict=True):
        doc["_lines"].append(_line(doc, line, part))
    for fee in order.fees:
        _add_fee(doc, fee)
    doc["_deliveries"] = [_delivery(doc, delivery) for delivery in order.deliveries]
    if doc["_shipped"] == "FULFILLED":
        for line in doc["_lines"]:
            line["_fulfilled"] = line["quantity"]
    settle(doc)
    doc["_original"] = doc["totalPriceSet"]
    _pay(doc, order)
    for refund in order.refunds:
        _add_refund(doc, refund)
    _end(doc, order)
    settle(doc)
    doc["updatedAt"] = stamp_text(order.modified)
    return doc


def _line(order: Doc, line: Line, goods: Goods) -> Doc:
    product, variant, vendor = goods
    title, _, label = line.title.rpartition(" - ") if line.variant is not None else (line.title, "", "")
    return make_line(
        order,
        title,
        line.subtotal // max(line.quantity, 1),
        line.quantity,
        name=line.title,
        variantTitle=label or None,
        sku=line.sku or None,
        vendor=vendor,
        restockable=product is not None,
        customAttributes=[{"key": key, "value": str(value)} for key, value in line.extra],
        _product=product,
        _variant=variant,
        _discount=line.subtotal - line.total,
        _taxes=tax_lines(order, line.total, line.taxes),
    )


def _add_fee(order: Doc, fee: Fee) -> None:
    if fee.total >= 0:
        line = make_line(
            order,
            fee.title,
            fee.total,
            1,
            requiresShipping=False,
            _taxes=tax_lines(order, fee.total, fee.taxes),
        )
        order["_lines"].append(line)
        return
    first = next(iter(order["_lines"]), None)
    room = first["originalUnitPriceSet"] * first["quantity"] - first["_discount"] if first else 0
    if first is None or room < -fee.total or len(first["_taxes"]) != len(fee.taxes):
        return  # nothing to take it off
    first["_discount"] -= fee.total
    for tax, less in zip(first["_taxes"], fee.taxes, strict=True):
        tax["priceSet"] = max(0, tax["priceSet"] + less.after)


def _delivery(order: Doc, delivery: Delivery) -> Doc:
    taxes = tax_lines(order, delivery.total, delivery.taxes)
    return {**blank_delivery(order, delivery.title, delivery.total), "_taxes": taxes}


def _pay(doc: Doc, order: Order) -> None:
    total, gateway, at = doc["totalPriceSet"], order.gateway, order.created
    if not total:
        return
    if order.state == "waiting":
        make_transaction(doc, "AUTHORIZATION", "SUCCESS", total, at, gateway)
    elif order.state == "failed":
        error = {"errorCode": "CARD_DECLINED"}
        make_transaction(doc, "SALE", "FAILURE", total, at, gateway, **error)
    elif order.paid is None:
        make_transaction(doc, "SALE", "PENDING", total, at, gateway)
    elif doc["number"] % 11 == 0:  # a part by gift card, or by two cards
        first = fixed(total // 3, doc["currencyCode"])
        way = "giftcard" if doc["number"] % 2 else "paypal"
        receive(doc, order.paid, [(way, first), (gateway, None)])
    elif order.created % 3:
        make_transaction(doc, "SALE", "SUCCESS", total, order.paid, gateway)
    else:
        held = make_transaction(doc, "AUTHORIZATION", "SUCCESS", total, at, gateway)
        make_transaction(doc, "CAPTURE", "SUCCESS", total, order.paid, gateway, _parent=held["id"])


def _end(doc: Doc, order: Order) -> None:
    """Cancelled and archived orders."""
    later = order.created + 3_600
    if order.state in ("cancelled", "failed"):
        doc["cancelledAt"] = doc["closedAt"] = stamp_text(later)
        doc["cancelReason"] = "DECLINED" if order.state == "failed" else "CUSTOMER"
        settle(doc)
        take_back(doc, later)
        for held in [part for part in doc["_transactions"] if part["status"] == "PENDING"]:
            held["status"] = "FAILURE"
        if doc["_transactions"]:
            first = doc["_transactions"][0]
            void = make_transaction(doc, "VOID", "SUCCESS", first["amountSet"], later, order.gateway)
            void["_parent"] = first["id"]
    elif order.done is not None and not order.trashed:
        doc["closedAt"] = stamp_text(order.done + 60)
    doc["closed"] = doc["closedAt"] is not None


def _add_refund(doc: Doc, refund: Refund) -> None:
    settle(doc)
    whole = refund.amount is not None and refund.amount >= doc["_left"] > 0
    lines = {line["id"]: line["refundableQuantity"] for line in doc["_lines"]} if whole else {}
    if refund.lines and not whole:
        lines = {doc["_lines"][part.line]["id"]: part.quantity for part in refund.lines}
    add_refund(
        doc,
        refund.created,
        note=refund.reason or None,
        lines={line: count for line, count in lines.items() if count},
        shipping=sum(part["discountedPriceSet"] for part in doc["_deliveries"]) if whole else 0,
        amount=min(refund.amount or 0, max(doc["_left"], 0)),
    )
