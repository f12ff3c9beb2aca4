"""What the shop itself suggests to give back (`Order.suggestedRefund`)."""

import copy
from typing import Any

from storelink.sandbox.shopify import refunds
from storelink.sandbox.shopify.amounts import read_minor
from storelink.sandbox.shopify.context import Ask
from storelink.sandbox.shopify.ids import split_gid
from storelink.sandbox.shopify.parts import Part
from storelink.sandbox.shopify.payments import Room, in_shown, rooms
from storelink.sandbox.shopify.refusal import bad_request, not_implemented
from storelink.sandbox.shopify.settle import settle

Doc = dict[str, Any]
Wanted = list[tuple[int, int, str]]
"""Line, pieces, restocking ("" for what fits)."""


def suggested_refund(ask: Ask) -> Any:
    """The refund of these lines and this shipping, worked out on a copy of the order."""
    args = ask.args
    if args.get("refundDuties"):
        raise not_implemented("refunds of duties")
    if args.get("refundMethodAllocation", "ORIGINAL_PAYMENT_METHODS") != "ORIGINAL_PAYMENT_METHODS":
        raise not_implemented("refunds to store credit")
    doc = copy.deepcopy(dict(ask.source))
    settle(doc)
    open_shipping = refunds.open_shipping(doc)
    whole = bool(args.get("suggestFullRefund"))
    if whole:
        lines: Wanted = [(line["id"], line["refundableQuantity"], "") for line in doc["_lines"]]
    else:
        lines = _wanted(doc, args.get("refundLineItems") or ())
    every = whole or bool(args.get("refundShipping"))
    shipping = open_shipping if every else _shipping(doc, args.get("shippingAmount"), open_shipping)
    made = refunds.blank_refund(doc, 0, None)
    worth = sum(refunds.refund_line(doc, made, *line) for line in lines if line[1])
    worth += refunds.refund_shipping(doc, made, shipping)
    return _suggestion(doc, made, worth, open_shipping)


def _suggestion(doc: Doc, made: Doc, worth: int, open_shipping: int) -> Part:
    held = rooms(doc)
    left, left_shown = sum(room.left for room in held), sum(room.shown for room in held)
    amount = max(0, min(worth, left))
    shown = left_shown if amount == left else min(left_shown, in_shown(doc, amount))
    subtotal = sum(part["subtotalSet"] for part in made["_lines"])
    tax = sum(part["totalTaxSet"] for part in made["_lines"])
    returned = sum(part["subtotalAmountSet"] for part in made["_shipping"])
    shipping_tax = sum(part["taxAmountSet"] for part in made["_shipping"])
    return Part(
        {
            "amountSet": amount,
            "subtotalSet": subtotal,
            "discountedSubtotalSet": subtotal,
            "totalTaxSet": tax + shipping_tax,
            "maximumRefundableSet": max(left, 0),
            "refundLineItems": [Part({**part, "id": None}, doc) for part in made["_lines"]],
            "refundDuties": [],
            "shipping": Part(
                {"amountSet": returned, "maximumRefundableSet": open_shipping, "taxSet": shipping_tax}, doc
            ),
            "suggestedTransactions": _transactions(doc, held, amount, shown),
            "_shown": {"amountSet": shown, "maximumRefundableSet": left_shown},
        },
        doc,
    )


def _shipping(doc: Doc, given: object, open_: int) -> int:
    """`shippingAmount`, taken to be in the buyer's currency as it is in `refundCreate`."""
    if given is None:
        return 0
    try:
        shown = read_minor(given, doc["presentmentCurrencyCode"])
    except ValueError as error:
        raise bad_request(str(error)) from None
    most = in_shown(doc, open_)
    return open_ if shown >= most else (2 * open_ * shown + most) // (2 * most)


def _wanted(doc: Doc, asked: Any) -> Wanted:
    left = {line["id"]: line["refundableQuantity"] for line in doc["_lines"]}
    wanted: Wanted = []
    for part in asked:
        found = split_gid(part["lineItemId"])
        if found is None or found[1] not in left:
            raise bad_request("Line item does not exist")
        count = min(int(part["quantity"]), left[found[1]])
        left[found[1]] -= count
        wanted.append((found[1], count, part.get("restockType") or ""))
    return wanted


def _transactions(doc: Doc, held: list[Room], amount: int, shown: int) -> list[Part]:
    """From the oldest payment on, each as far as it goes."""
    found = []
    for room in held:
        part = min(amount, room.left)
        if part <= 0:
            continue
        part_shown = shown if part == amount else room.shown
        amount, shown = amount - part, shown - part_shown
        suggested = {
            "kind": "SUGGESTED_REFUND",
            "gateway": room.part["gateway"],
            "formattedGateway": room.part["formattedGateway"],
            "accountNumber": None,
            "amountSet": part,
            "maximumRefundableSet": room.left,
            "parentTransaction": Part(room.part, doc),
            "_shown": {"amountSet": part_shown, "maximumRefundableSet": room.shown},
        }
        found.append(Part(suggested, doc))
    return found
