"""The sums and statuses that follow from an order's lines, transactions and refunds.

`totalPriceSet` is before returns but after edits, `current…` is after returns, refunds and edits
(facts §6). A line is worth its price less its discounts plus its taxes, in proportion to how many
pieces of it count.
"""

from typing import Any

from storelink.sandbox.shopify.payments import rooms, shown_of

Doc = dict[str, Any]


def part_of(whole: int, count: int, quantity: int) -> int:
    """What `count` of `quantity` pieces are worth, rounded half up."""
    return (2 * whole * count + quantity) // (2 * quantity) if quantity else 0


def settle(doc: Doc) -> None:
    """Set every derived field of an order."""
    for line in doc["_lines"]:
        _settle_line(line)
    for delivery in doc["_deliveries"]:
        delivery["currentDiscountedPriceSet"] = (
            0 if delivery["isRemoved"] else delivery["discountedPriceSet"] - delivery["_refunded"]
        )
    _settle_totals(doc)
    _settle_payments(doc)
    _settle_refunds(doc)
    _settle_shown(doc)
    _settle_status(doc)


def _settle_line(line: Doc) -> None:
    quantity, discount = line["quantity"], line["_discount"]
    whole = line["originalUnitPriceSet"] * quantity
    left = quantity - line["_removed"] - line["_returned"]
    after = part_of(whole - discount, 1, quantity)
    line.update(
        currentQuantity=left,
        refundableQuantity=left,
        unfulfilledQuantity=max(0, quantity - line["_removed"] - line["_cancelled"] - line["_fulfilled"]),
        originalTotalSet=whole,
        # an order's codes are no line-level discounts
        totalDiscountSet=0,
        discountedTotalSet=whole,
        discountedUnitPriceSet=line["originalUnitPriceSet"],
        discountedUnitPriceAfterAllDiscountsSet=after,
        priceAfterAllDiscountsBeforeTaxesSet=whole - discount,
    )


def _settle_totals(doc: Doc) -> None:
    prices = taxes = discounts = 0
    now_prices = now_taxes = now_discounts = 0
    for line in doc["_lines"]:
        quantity, discount = line["quantity"], line["_discount"]
        net = line["originalTotalSet"] - discount
        tax = sum(part["priceSet"] for part in line["_taxes"])
        removed, left = line["_removed"], line["currentQuantity"]
        # what is taken away is counted first, so that the cents of both halves add up
        prices += net - part_of(net, removed, quantity)
        taxes += tax - part_of(tax, removed, quantity)
        discounts += discount - part_of(discount, removed, quantity)
        now_prices += net - part_of(net, quantity - left, quantity)
        now_taxes += tax - part_of(tax, quantity - left, quantity)
        now_discounts += part_of(discount, left, quantity)
    shipping = sum(part["discountedPriceSet"] for part in doc["_deliveries"] if not part["isRemoved"])
    shipping_tax = sum(
        tax["priceSet"] for part in doc["_deliveries"] if not part["isRemoved"] for tax in part["_taxes"]
    )
    now_shipping = sum(part["currentDiscountedPriceSet"] for part in doc["_deliveries"])
    now_shipping_tax = shipping_tax - sum(part["_refunded_tax"] for part in doc["_deliveries"])
    adjustments = sum(part["amountSet"] for refund in doc["_refunds"] for part in refund["_adjustments"])
    # prices that have the taxes in them have nothing on top
    on_top = 0 if doc["taxesIncluded"] else 1
    total = prices + shipping + doc["_tip"] + on_top * (taxes + shipping_tax)
    items = sum(line["quantity"] - line["_removed"] for line in doc["_lines"])
    doc.update(
        totalPriceSet=total,
        originalTotalPriceSet=total if doc["_original"] is None else doc["_original"],
        subtotalPriceSet=prices,
        totalTaxSet=taxes + shipping_tax,
        totalDiscountsSet=discounts,
        totalShippingPriceSet=shipping,
        totalTipReceivedSet=doc["_tip"],
        currentSubtotalPriceSet=now_prices,
        currentTotalTaxSet=now_taxes + now_shipping_tax,
        currentTotalDiscountsSet=now_discounts,
        currentShippingPriceSet=now_shipping,
        currentTotalPriceSet=now_prices
        + now_shipping
        + on_top * (now_taxes + now_shipping_tax)
        + doc["_tip"]
        + adjustments,
        refundDiscrepancySet=adjustments,
        totalRefundedShippingSet=sum(part["_refunded"] for part in doc["_deliveries"]),
        subtotalLineItemsQuantity=items,
        currentSubtotalLineItemsQuantity=sum(line["currentQuantity"] for line in doc["_lines"]),
    )


def _settle_payments(doc: Doc) -> None:
    good = [part for part in doc["_transactions"] if part["status"] == "SUCCESS"]
    received = sum(part["amountSet"] for part in good if part["kind"] in ("SALE", "CAPTURE"))
    refunded = sum(part["amountSet"] for part in good if part["kind"] == "REFUND")
    left = sum(room.left for room in rooms(doc))
    held = sum(part["amountSet"] for part in good if part["kind"] == "AUTHORIZATION")
    voided = any(part["kind"] == "VOID" for part in good)
    gateways = dict.fromkeys(part["gateway"] for part in doc["_transactions"])
    outstanding = doc["currentTotalPriceSet"] - (received - refunded)
    doc.update(
        totalReceivedSet=received,
        totalRefundedSet=refunded,
        netPaymentSet=received - refunded,
        totalCapturableSet=0 if voided else max(0, held - received),
        totalOutstandingSet=outstanding,
        paymentGatewayNames=list(gateways),
        fullyPaid=outstanding <= 0,
        unpaid=outstanding > 0,
        refundable=left > 0,
        restockable=any(line["currentQuantity"] for line in doc["_lines"]),
        _left=left,
        _held=held,
        _voided=voided,
    )


def _settle_refunds(doc: Doc) -> None:
    paid = {part["id"]: part for part in doc["_transactions"]}
    for refund in doc["_refunds"]:
        parts = [paid[number] for number in refund["_transactions"]]
        good = [part for part in parts if part["status"] == "SUCCESS"]
        refund["totalRefundedSet"] = sum(part["amountSet"] for part in good)
        if doc["currencyCode"] != doc["presentmentCurrencyCode"]:
            refund["_shown"] = {"totalRefundedSet": sum(shown_of(doc, part) for part in good)}


def _settle_shown(doc: Doc) -> None:
    """What was received and given back in the buyer's currency: no rate says it to the cent."""
    doc.pop("_shown", None)
    if doc["currencyCode"] == doc["presentmentCurrencyCode"]:
        return
    good = [part for part in doc["_transactions"] if part["status"] == "SUCCESS"]
    received = sum(shown_of(doc, part) for part in good if part["kind"] in ("SALE", "CAPTURE"))
    refunded = sum(shown_of(doc, part) for part in good if part["kind"] == "REFUND")
    doc["_shown"] = {
        "totalReceivedSet": received,
        "totalRefundedSet": refunded,
        "netPaymentSet": received - refunded,
    }


def _settle_status(doc: Doc) -> None:
    doc["displayFinancialStatus"] = _financial(doc)
    doc["displayFulfillmentStatus"] = _fulfilment(doc)
    doc["closed"] = doc["closedAt"] is not None


def _financial(doc: Doc) -> str:
    received, refunded = doc["totalReceivedSet"], doc["totalRefundedSet"]
    if refunded:
        return "REFUNDED" if refunded >= received else "PARTIALLY_REFUNDED"
    if received:
        return "PAID" if received >= doc["currentTotalPriceSet"] else "PARTIALLY_PAID"
    for mark, status in (("_voided", "VOIDED"), ("_expired", "EXPIRED"), ("_held", "AUTHORIZED")):
        if doc[mark]:
            return status
    return "PENDING" if doc["totalPriceSet"] else "PAID"


def _fulfilment(doc: Doc) -> str:
    lines = [line for line in doc["_lines"] if line["quantity"] > line["_removed"]]
    done = sum(min(line["_fulfilled"], line["quantity"]) for line in lines)
    open_ = sum(line["unfulfilledQuantity"] for line in lines)
    if done and not open_:
        return "FULFILLED"
    if done:
        return "PARTIALLY_FULFILLED"
    return doc["_shipped"] if doc["_shipped"] in ("ON_HOLD", "IN_PROGRESS", "SCHEDULED") else "UNFULFILLED"
