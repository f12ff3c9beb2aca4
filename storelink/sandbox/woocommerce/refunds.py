"""Refunds as JSON: their own records, and the short form inside an order."""

from typing import Any

from storelink.sandbox.clock import read
from storelink.sandbox.drawer import Row
from storelink.sandbox.money import amount, cents, ratio
from storelink.sandbox.shop import Refund, TaxRate
from storelink.sandbox.woocommerce.numbers import Numbers
from storelink.sandbox.woocommerce.orders import item_meta, tax_line
from storelink.sandbox.woocommerce.products import metadata
from storelink.sandbox.woocommerce.site import Site

Doc = dict[str, Any]


def refund_links(site: Site, order: int, number: int) -> Doc:
    links = site.links(f"orders/{order}/refunds/{number}", f"orders/{order}/refunds", ["GET", "DELETE"])
    links["up"] = [{"href": f"{site.api}/orders/{order}"}]
    return links


def given_back(numbers: Numbers, line: Doc, quantity: int, total: int, taxes: list[tuple[int, int]]) -> Doc:
    """A part of a refund: the order's with everything negative; `taxes` are (rate id, cents)."""
    tax = sum(part for _, part in taxes)
    money = {
        "total": amount(-total),
        "total_tax": amount(-tax),
        "taxes": [{"id": rate, "total": amount(-part), "subtotal": amount(-part)} for rate, part in taxes],
        "meta_data": [item_meta(numbers, "_refunded_item_id", str(line["id"]))],
    }
    if "quantity" not in line:  # shipping or a fee
        return {**line, "id": numbers.next_item(), **money}
    return {
        "id": numbers.next_item(),
        "name": line["name"],
        "product_id": line["product_id"],
        "variation_id": line["variation_id"],
        "quantity": -quantity,
        "tax_class": line["tax_class"],
        "subtotal": amount(-total),
        "subtotal_tax": amount(-tax),
        **money,
        "sku": line["sku"],
        "global_unique_id": line["global_unique_id"],
        "price": ratio(total, quantity) if quantity else 0,
        "image": line["image"],
        "parent_name": line["parent_name"],
    }


def refund_doc(
    site: Site,
    numbers: Numbers,
    order: Doc,
    number: int,
    *,
    money: str,
    reason: str,
    at: int,
    paid_back: bool,
    lines: list[Doc],
    taxes: dict[TaxRate, int],
    sent_taxes: dict[TaxRate, int] | None = None,
    sent: list[Doc] | None = None,
    fees: list[Doc] | None = None,
    kind: str = "partial",
    by: int = 1,
) -> Doc:
    """A refund as the store-wide list has it; the list of one order leaves `parent_id` out."""
    made, made_gmt = site.both(at)
    delivery = sent_taxes or {}
    rates = dict.fromkeys((*taxes, *delivery))
    return {
        "id": number,
        "parent_id": order["id"],
        "date_created": made,
        "date_created_gmt": made_gmt,
        "amount": money,
        "reason": reason,
        "refunded_by": by,
        "refunded_payment": paid_back,
        "meta_data": metadata(numbers, [("_refund_type", kind)]),
        "line_items": lines,
        "shipping_lines": sent or [],
        "tax_lines": [
            tax_line(numbers, rate, -taxes.get(rate, 0), -delivery.get(rate, 0))
            for rate in rates
            if taxes.get(rate) or delivery.get(rate)
        ],
        "fee_lines": fees or [],
        "_links": refund_links(site, order["id"], number),
    }


def generated(site: Site, numbers: Numbers, order: Doc, refund: Refund, number: int) -> Doc:
    """A refund of the generated shop."""
    taxes: dict[TaxRate, int] = {}
    lines: list[Doc] = []
    for part in refund.lines:
        pairs = [(rate.number, money) for rate, money in part.taxes]
        for rate, money in part.taxes:
            taxes[rate] = taxes.get(rate, 0) + money
        source = order["line_items"][part.line]
        lines.append(given_back(numbers, source, part.quantity, part.total, pairs))
    full = refund.amount is not None and refund.amount == cents(order["total"])
    return refund_doc(
        site,
        numbers,
        order,
        number,
        money="" if refund.amount is None else amount(refund.amount),
        reason=refund.reason,
        at=refund.created,
        paid_back=refund.paid_back,
        lines=lines,
        taxes=taxes,
        kind="full" if full else "partial",
    )


def short_form(refund: Doc) -> Doc:
    """How an order lists it; a refund without an amount shows a bare minus."""
    groups = ("line_items", "shipping_lines", "fee_lines")
    tax = sum(cents(part["total_tax"]) for group in groups for part in refund[group])
    return {
        "id": refund["id"],
        "reason": refund["reason"],
        "total": f"-{refund['amount']}",
        "total_tax": amount(tax),
    }


def refund_row(doc: Doc) -> Row:
    """What lists need to know of a refund; it has no date of change of its own."""
    made = read(doc["date_created_gmt"])
    return Row(id=doc["id"], created=made, modified=made, status="completed", parent=doc["parent_id"])


def of_order(order: int, body: bytes) -> bytes:
    """A refund's bytes as its order's own list has them: without the order's id near their head."""
    return body.replace(b'"parent_id":%d,' % order, b"", 1)


def without_parent(doc: Doc) -> Doc:
    """The same of a document."""
    return {key: value for key, value in doc.items() if key != "parent_id"}
