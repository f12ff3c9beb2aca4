"""Orders as documents, made of the generated shop's orders.

Amounts are whole cents of the shop's currency; `settle` adds every sum and status that follows.
The shop's fees become lines without a product, its loyalty discount a discount on the first line.
Orders that the generator calls trashed are test orders here.
"""

from typing import Any

from storelink.sandbox.money import share_of
from storelink.sandbox.shop import Delivery, Fee, Line, Order, Refund, Tax
from storelink.sandbox.shopify.amounts import RATES
from storelink.sandbox.shopify.customers import address_doc
from storelink.sandbox.shopify.ids import part_number
from storelink.sandbox.shopify.settle import part_of, settle
from storelink.sandbox.shopify.site import Site, stamp_text

Doc = dict[str, Any]
#: (product, variant, its vendor) of a line; None where the product is gone
Goods = tuple[int | None, int | None, str | None]

_GATEWAYS = {
    "fakepay": ("shopify_payments", "Shopify Payments", False),
    "cod": ("Cash on Delivery (COD)", "Cash on Delivery (COD)", True),
    "bacs": ("Bank Deposit", "Bank Deposit", True),
    "nopay": ("Invoice", "Invoice", True),
}
_SOURCES = {"checkout": "web", "rest-api": "580111", "admin": "shopify_draft_order"}
_SHIPPED = {"done": "FULFILLED", "returned": "FULFILLED", "special": "ON_HOLD", "hidden": "IN_PROGRESS"}


def next_part(order: Doc, kind: str) -> int:
    """The next free number of a part of this order."""
    order["_parts"] += 1
    return part_number(kind, order["id"], "orders", order["_parts"])


def blank_order(site: Site, number: int, name: int, at: int) -> Doc:
    """An order with nothing in it, nobody's, not paid."""
    moment = stamp_text(at)
    return {
        "__typename": "Order",
        "id": number,
        "name": f"#{name}",
        "number": name,
        "confirmationNumber": f"{(number * 2_654_435_761) % 36**8:09X}",
        "confirmed": True,
        "test": False,
        "email": None,
        "phone": None,
        "note": None,
        "tags": [],
        "poNumber": None,
        "sourceName": "web",
        "sourceIdentifier": None,
        "customerLocale": "en-US",
        "clientIp": None,
        "cartToken": None,
        "checkoutToken": None,
        "createdAt": moment,
        "updatedAt": moment,
        "processedAt": moment,
        "closedAt": None,
        "closed": False,
        "cancelledAt": None,
        "cancelReason": None,
        "edited": False,
        "returnStatus": "NO_RETURN",
        "currencyCode": site.currency,
        "presentmentCurrencyCode": site.currency,
        "taxesIncluded": site.taxes_included,
        "taxExempt": False,
        "dutiesIncluded": False,
        "estimatedTaxes": False,
        "discountCode": None,
        "discountCodes": [],
        "customAttributes": [],
        "originalTotalDutiesSet": None,
        "originalTotalAdditionalFeesSet": None,
        "currentTotalDutiesSet": None,
        "currentTotalAdditionalFeesSet": None,
        "_customer": None,
        "_shipping": None,
        "_billing": None,
        "_rate": 1_000,
        "_lines": [],
        "_deliveries": [],
        "_refunds": [],
        "_transactions": [],
        "_metafields": [],
        "_shipped": None,
        "_expired": False,
        "_tip": 0,
        "_parts": 0,
        "_original": None,
    }


def order_doc(
    site: Site, order: Order, number: int, name: int, customer: int | None, goods: list[Goods]
) -> Doc:
    """A generated order; `goods` are those of its lines."""
    doc = blank_order(site, number, name, order.created)
    doc.update(
        test=order.trashed,
        email=order.email,
        note=order.note or None,
        sourceName=_SOURCES.get(order.source, order.source),
        checkoutToken=order.token,
        presentmentCurrencyCode=order.currency,
        discountCode=order.coupons[0].code if order.coupons else None,
        discountCodes=[coupon.code for coupon in order.coupons],
        customAttributes=[
            {"key": key.strip("_"), "value": str(value)} for key, value in order.extra if key != "po"
        ],
        poNumber=next((str(value) for key, value in order.extra if key == "po"), None),
        tags=["vip"] if name % 13 == 0 else [],
        _customer=customer,
        _rate=RATES[order.currency],
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


def tax_lines(taxes: tuple[Tax, ...]) -> list[Doc]:
    return [
        {"title": tax.rate.label, "rate": tax.rate.share / 100_000, "priceSet": tax.after} for tax in taxes
    ]


def make_line(order: Doc, title: str, unit: int, quantity: int, **fields: Any) -> Doc:
    """A line without a product unless `fields` say so."""
    doc = {
        "__typename": "LineItem",
        "id": next_part(order, "LineItem"),
        "title": title,
        "name": title,
        "variantTitle": None,
        "sku": None,
        "vendor": None,
        "quantity": quantity,
        "requiresShipping": True,
        "taxable": True,
        "isGiftCard": False,
        "restockable": False,
        "merchantEditable": True,
        "nonFulfillableQuantity": 0,
        "customAttributes": [],
        "originalUnitPriceSet": unit,
        "_product": None,
        "_variant": None,
        "_discount": 0,
        "_taxes": [],
        "_removed": 0,
        "_fulfilled": 0,
        "_returned": 0,
    }
    doc.update(fields)
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
        _taxes=tax_lines(line.taxes),
    )


def _add_fee(order: Doc, fee: Fee) -> None:
    if fee.total >= 0:
        line = make_line(order, fee.title, fee.total, 1, requiresShipping=False, _taxes=tax_lines(fee.taxes))
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
    return {
        "__typename": "ShippingLine",
        "id": next_part(order, "ShippingLine"),
        "title": delivery.title,
        "code": delivery.title,
        "source": "shopify",
        "carrierIdentifier": None,
        "deliveryCategory": None,
        "phone": None,
        "custom": False,
        "isRemoved": False,
        "originalPriceSet": delivery.total,
        "discountedPriceSet": delivery.total,
        "_taxes": tax_lines(delivery.taxes),
        "_refunded": 0,
        "_refunded_tax": 0,
    }


def make_transaction(
    order: Doc, kind: str, status: str, amount: int, at: int, gateway: str, **fields: Any
) -> Doc:
    """A transaction, added to the order. `gateway` is the generated shop's word for it."""
    name, shown, manual = _GATEWAYS.get(gateway, (gateway, gateway, False))
    doc = {
        "__typename": "OrderTransaction",
        "id": next_part(order, "OrderTransaction"),
        "kind": kind,
        "status": status,
        "gateway": name,
        "formattedGateway": shown,
        "manualPaymentGateway": manual,
        "errorCode": None,
        "test": order["test"],
        "createdAt": stamp_text(at),
        "processedAt": stamp_text(at),
        "accountNumber": None,
        "authorizationExpiresAt": None,
        "paymentId": None,
        "settlementCurrency": None,
        "settlementCurrencyRate": None,
        "amountSet": amount,
        "_parent": None,
    }
    doc.update(fields)
    order["_transactions"].append(doc)
    return doc


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
    made: Doc = {
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
    worth = sum(_refund_line(doc, made, line, count, restock) for line, count in (lines or {}).items())
    worth += _refund_shipping(doc, made, shipping)
    paid = worth if amount is None else amount
    if paid:
        parent = next(
            (
                part
                for part in doc["_transactions"]
                if part["kind"] in ("SALE", "CAPTURE") and part["status"] == "SUCCESS"
            ),
            None,
        )
        fields = (
            {"_parent": parent["id"], "manualPaymentGateway": parent["manualPaymentGateway"]}
            if parent
            else {}
        )
        gateway = parent["gateway"] if parent else "manual"
        payment = make_transaction(doc, "REFUND", status, paid, at, gateway, **fields)
        if parent:
            payment["formattedGateway"] = parent["formattedGateway"]
        made["_transactions"].append(payment["id"])
    if paid != worth:
        made["_adjustments"].append(
            {
                "__typename": "OrderAdjustment",
                "id": next_part(doc, "OrderAdjustment"),
                "reason": "REFUND_DISCREPANCY",
                "amountSet": worth - paid,
                "taxAmountSet": 0,
            }
        )
    doc["_refunds"].append(made)
    return made


def _refund_line(doc: Doc, refund: Doc, number: int, count: int, restock: str) -> int:
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
    return subtotal + taxes


def _refund_shipping(doc: Doc, refund: Doc, money: int) -> int:
    """Give back up to `money` of the shipping, its tax in proportion."""
    worth = 0
    for delivery in doc["_deliveries"]:
        price = delivery["discountedPriceSet"]
        part = min(money, price - delivery["_refunded"])
        if part <= 0:
            continue
        tax = part_of(sum(tax["priceSet"] for tax in delivery["_taxes"]), part, price)
        delivery["_refunded"] += part
        delivery["_refunded_tax"] += tax
        money -= part
        worth += part + tax
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


def take_back(doc: Doc, at: int) -> Doc:
    """The refund that a cancellation leaves: all that was open, no money."""
    lines = {line["id"]: line["refundableQuantity"] for line in doc["_lines"] if line["refundableQuantity"]}
    shipping = sum(part["discountedPriceSet"] - part["_refunded"] for part in doc["_deliveries"])
    made = add_refund(doc, at, lines=lines, shipping=shipping, amount=0, restock="CANCEL")
    made["_adjustments"] = []
    return made


def small_sale(order: Doc, price: int = 2_500) -> None:
    """Something to buy for an order made by hand."""
    share = 8_250
    taxes = [{"title": "CA Tax", "rate": share / 100_000, "priceSet": share_of(price, share)}]
    order["_lines"].append(make_line(order, "Something", price, 1, _taxes=taxes))
