"""Refunds of an order: lines, shipping, money, and what does not add up."""

from typing import Any

from storelink.sandbox.shopify.order_parts import next_part
from storelink.sandbox.shopify.payments import spread
from storelink.sandbox.shopify.settle import part_of
from storelink.sandbox.shopify.site import stamp_text

Doc = dict[str, Any]


def add_refund(
    doc: Doc,
    at: int,
    *,
    note: str | None = None,
    lines: dict[int, int] | None = None,
    shipping: int = 0,
    amount: int | None = None,
    restock: str = "",
    status: str = "SUCCESS",
    processed: int | None = None,
) -> Doc:
    """A refund of lines (id → quantity), shipping and money; the order is to be settled after it.

    `amount` None pays back exactly what the lines and shipping are worth; what differs is an order
    adjustment. `status` is that of its transaction, which there is only where money moves.
    """
    made = blank_refund(doc, at, note, processed)
    worth = sum(refund_line(doc, made, line, count, restock) for line, count in (lines or {}).items())
    worth += refund_shipping(doc, made, shipping)
    paid = worth if amount is None else amount
    made["_transactions"] = [part["id"] for part in spread(doc, paid, at, status)]
    adjust(doc, made, worth - paid)
    doc["_refunds"].append(made)
    return made


def blank_refund(doc: Doc, at: int, note: str | None, processed: int | None = None) -> Doc:
    """A refund with nothing in it."""
    return {
        "__typename": "Refund",
        "id": next_part(doc, "Refund"),
        "note": note,
        "createdAt": stamp_text(at),
        "processedAt": stamp_text(at if processed is None else processed),
        "updatedAt": stamp_text(at),
        "_lines": [],
        "_shipping": [],
        "_adjustments": [],
        "_transactions": [],
    }


def adjust(doc: Doc, refund: Doc, difference: int) -> None:
    """Note by how much the worth of what was taken back is more than the money."""
    if difference:
        refund["_adjustments"].append(
            {
                "__typename": "OrderAdjustment",
                "id": next_part(doc, "OrderAdjustment"),
                "reason": "REFUND_DISCREPANCY",
                "amountSet": difference,
                "taxAmountSet": 0,
            }
        )


def open_shipping(doc: Doc) -> int:
    """How much of the shipping was not given back yet, as its price is written."""
    return sum(
        part["discountedPriceSet"] - part["_refunded"] for part in doc["_deliveries"] if not part["isRemoved"]
    )


def take_back(doc: Doc, at: int) -> Doc:
    """The refund that a cancellation leaves: all that was open, no money."""
    lines = {line["id"]: line["refundableQuantity"] for line in doc["_lines"] if line["refundableQuantity"]}
    made = add_refund(doc, at, lines=lines, shipping=open_shipping(doc), amount=0, restock="CANCEL")
    made["_adjustments"] = []
    return made


def refund_line(doc: Doc, refund: Doc, number: int, count: int, restock: str) -> int:
    """Take back pieces of a line; what they are worth. Pieces that are not restocked are still sent."""
    line = next(part for part in doc["_lines"] if part["id"] == number)
    quantity = line["quantity"]
    net = line["originalUnitPriceSet"] * quantity - line["_discount"]
    gone = line["_returned"] + line["_removed"]
    tax = sum(part["priceSet"] for part in line["_taxes"])
    subtotal = part_of(net, gone + count, quantity) - part_of(net, gone, quantity)
    taxes = part_of(tax, gone + count, quantity) - part_of(tax, gone, quantity)
    fulfilled = line["_fulfilled"] >= quantity
    kind = restock or ("RETURN" if fulfilled else "CANCEL")
    refund["_lines"].append(
        {
            "__typename": "RefundLineItem",
            "id": next_part(doc, "RefundLineItem"),
            "quantity": count,
            "restockType": kind,
            "restocked": kind != "NO_RESTOCK",
            "priceSet": net // quantity if quantity else 0,
            "subtotalSet": subtotal,
            "totalTaxSet": taxes,
            "_line": number,
        }
    )
    line["_returned"] += count
    line["_cancelled"] += count if kind == "CANCEL" else 0
    return subtotal if doc["taxesIncluded"] else subtotal + taxes


def refund_shipping(doc: Doc, refund: Doc, money: int) -> int:
    """Give back up to `money` of the shipping, its tax in proportion."""
    worth = 0
    for delivery in doc["_deliveries"]:
        price = delivery["discountedPriceSet"]
        part = 0 if delivery["isRemoved"] else min(money, price - delivery["_refunded"])
        if part <= 0:
            continue
        tax = part_of(sum(tax["priceSet"] for tax in delivery["_taxes"]), part, price)
        delivery["_refunded"] += part
        delivery["_refunded_tax"] += tax
        money -= part
        worth += part if doc["taxesIncluded"] else part + tax
        refund["_shipping"].append(
            {
                "__typename": "RefundShippingLine",
                "id": next_part(doc, "RefundShippingLine"),
                "subtotalAmountSet": part,
                "taxAmountSet": tax,
                "_line": delivery["id"],
            }
        )
    return worth
