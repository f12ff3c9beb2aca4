"""What the shop itself suggests to give back (`Order.suggestedRefund`)."""

import copy
from collections.abc import Mapping
from typing import Any

from storelink.sandbox.shopify import refunds
from storelink.sandbox.shopify.amounts import read_minor
from storelink.sandbox.shopify.context import Ask
from storelink.sandbox.shopify.ids import split_gid
from storelink.sandbox.shopify.parts import Part
from storelink.sandbox.shopify.refusal import bad_request, not_implemented
from storelink.sandbox.shopify.settle import settle

Doc = dict[str, Any]


def suggested_refund(ask: Ask) -> Any:
    """The refund of these lines and this shipping, worked out on a copy of the order."""
    args = ask.args
    if args.get("refundDuties"):
        raise not_implemented("refunds of duties")
    if args.get("refundMethodAllocation", "ORIGINAL_PAYMENT_METHODS") != "ORIGINAL_PAYMENT_METHODS":
        raise not_implemented("refunds to store credit")
    doc = copy.deepcopy(dict(ask.source))
    settle(doc)
    left, open_shipping = doc["_left"], _open_shipping(doc)
    whole = bool(args.get("suggestFullRefund"))
    if whole:
        lines = {line["id"]: line["refundableQuantity"] for line in doc["_lines"]}
    else:
        lines = _wanted(doc, args.get("refundLineItems") or ())
    given = args.get("shippingAmount")
    shipping = (
        open_shipping
        if whole or args.get("refundShipping")
        else read_minor(given or "0", doc["currencyCode"])
    )
    made = refunds.add_refund(
        doc, 0, lines={line: count for line, count in lines.items() if count}, shipping=shipping, amount=0
    )
    made["_adjustments"] = []
    settle(doc)
    subtotal = sum(part["subtotalSet"] for part in made["_lines"])
    tax = sum(part["totalTaxSet"] for part in made["_lines"])
    returned = sum(part["subtotalAmountSet"] for part in made["_shipping"])
    shipping_tax = sum(part["taxAmountSet"] for part in made["_shipping"])
    amount = min(subtotal + tax + returned + shipping_tax, max(left, 0))
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
            "suggestedTransactions": _transactions(doc, amount, left),
        },
        doc,
    )


def _open_shipping(doc: Doc) -> int:
    return sum(part["discountedPriceSet"] - part["_refunded"] for part in doc["_deliveries"])


def _wanted(doc: Doc, asked: Any) -> dict[int, int]:
    held = {line["id"]: line["refundableQuantity"] for line in doc["_lines"]}
    wanted: dict[int, int] = {}
    for part in asked:
        found = split_gid(part["lineItemId"])
        if found is None or found[1] not in held:
            raise bad_request("Line item does not exist")
        wanted[found[1]] = min(int(part["quantity"]), held[found[1]])
    return wanted


def _transactions(doc: Doc, amount: int, left: int) -> list[Mapping[str, Any]]:
    paid = [
        part
        for part in doc["_transactions"]
        if part["kind"] in ("SALE", "CAPTURE") and part["status"] == "SUCCESS"
    ]
    if not paid or amount <= 0:
        return []
    suggested = {
        "kind": "SUGGESTED_REFUND",
        "gateway": paid[0]["gateway"],
        "formattedGateway": paid[0]["formattedGateway"],
        "accountNumber": None,
        "amountSet": amount,
        "maximumRefundableSet": max(left, 0),
        "parentTransaction": Part(paid[0], doc),
    }
    return [Part(suggested, doc)]
