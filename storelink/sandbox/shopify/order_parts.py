"""An order with nothing in it, and what it is put together from: lines, transactions, numbers."""

from typing import Any

from storelink.sandbox.money import share_of
from storelink.sandbox.shop import Tax
from storelink.sandbox.shopify.ids import part_number
from storelink.sandbox.shopify.site import Site, stamp_text

Doc = dict[str, Any]

_GATEWAYS = {
    "fakepay": ("shopify_payments", "Shopify Payments", False),
    "cod": ("Cash on Delivery (COD)", "Cash on Delivery (COD)", True),
    "bacs": ("Bank Deposit", "Bank Deposit", True),
    "nopay": ("Invoice", "Invoice", True),
    "giftcard": ("gift_card", "Gift card", False),
    "paypal": ("paypal", "PayPal Express Checkout", False),
}


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


def tax_lines(order: Doc, net: int, taxes: tuple[Tax, ...]) -> list[Doc]:
    """The taxes on a price, or those that are in it."""
    shares = sum(tax.rate.share for tax in taxes)
    return [
        {
            "title": tax.rate.label,
            "rate": tax.rate.share / 100_000,
            "priceSet": contained(net, tax.rate.share, shares) if order["taxesIncluded"] else tax.after,
        }
        for tax in taxes
    ]


def contained(price: int, share: int, shares: int) -> int:
    """The part of a price that a tax makes up where the price has taxes of `shares` in all in it."""
    return (2 * price * share + 100_000 + shares) // (2 * (100_000 + shares))


def one_tax(order: Doc, net: int, share: int) -> list[Doc]:
    """The one tax on lines that are made by hand, `share` in thousandths of a percent."""
    tax = contained(net, share, share) if order["taxesIncluded"] else share_of(net, share)
    return [{"title": "CA Tax", "rate": share / 100_000, "priceSet": tax}]


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
        "_cancelled": 0,
    }
    doc.update(fields)
    return doc


def make_delivery(order: Doc, title: str, price: int, share: int) -> Doc:
    """A shipping line with one tax."""
    return {**blank_delivery(order, title, price), "_taxes": one_tax(order, price, share)}


def blank_delivery(order: Doc, title: str, price: int) -> Doc:
    """A shipping line without taxes."""
    return {
        "__typename": "ShippingLine",
        "id": next_part(order, "ShippingLine"),
        "title": title,
        "code": title,
        "source": "shopify",
        "carrierIdentifier": None,
        "deliveryCategory": None,
        "phone": None,
        "custom": False,
        "isRemoved": False,
        "originalPriceSet": price,
        "discountedPriceSet": price,
        "_taxes": [],
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


def small_sale(order: Doc, price: int = 2_500) -> None:
    """Something to buy for an order made by hand."""
    taxes = one_tax(order, price, 8_250)
    order["_lines"].append(make_line(order, "Something", price, 1, _taxes=taxes))
